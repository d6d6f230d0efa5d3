//! An image that is linked and never run. Its panic handler calls a function that does not exist, so the linker refuses
//! it as soon as one panic is reachable; and there is no allocator that anything could have called.
//!
//! Everything the library crates do with bytes, states and registers is called here on input of which the compiler
//! knows nothing, not even the length.
//!
//! Three things are not called, since they would not link:
//!
//! - `Crc64Slice16`: the `crc` crate's loop over sixteen tables keeps a check of bounds that never fails. It is meant for
//!   hosts with much to export; the other checksums are here.
//! - `inspect::Value` as text: it escapes characters with `core`'s own code, in which slices are checked.
//! - Any text on the Cortex-M3, where `core` may be built from source and for size: writing an integer then keeps a check of
//!   bounds that never fails. That is the only one; on x86-64 all text is here.

#![no_std]
#![no_main]

mod devices;
#[cfg(target_arch = "x86_64")]
#[path = "../../x86_64-pvh/src/memory.rs"]
mod memory;
mod registers;
mod sequences;
mod snapshots;
#[cfg(target_arch = "x86_64")]
mod text;

use core::hint::black_box;
use core::panic::PanicInfo;

fn prove() {
    let mut memory = black_box([0; 1024]);
    #[cfg(feature = "control-place")]
    black_box(memory[black_box(7)]);
    // Were the length known, code for shorter ones would be left out, and its panics with it.
    let Some(bytes) = memory.get_mut(..black_box(7)) else {
        return;
    };
    #[cfg(feature = "control-length")]
    black_box(bytes[7]);
    registers::prove(bytes);
    devices::prove(bytes);
    snapshots::prove(bytes);
    sequences::prove(bytes);
    #[cfg(target_arch = "x86_64")]
    text::prove(bytes);
}

#[cfg(target_arch = "arm")]
#[cortex_m_rt::entry]
fn main() -> ! {
    prove();
    forever()
}

#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    prove();
    forever()
}

fn forever() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_is_reachable() -> !;
    }
    // SAFETY: never called: where it is reachable, the image does not link.
    unsafe { a_panic_is_reachable() }
}
