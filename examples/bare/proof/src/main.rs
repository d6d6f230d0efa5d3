//! An image that is linked and never run. Its panic handler calls a function that does not exist, so the linker refuses
//! it as soon as one panic is reachable; and there is no allocator that anything could have called.
//!
//! Everything the library crates do with bytes, states and registers is called here on input of which the compiler
//! knows nothing. Formatting errors as text is not: that is `core`'s own code.

#![no_std]
#![no_main]

mod devices;
#[cfg(target_arch = "x86_64")]
#[path = "../../x86_64-pvh/src/memory.rs"]
mod memory;
mod registers;
mod snapshots;

use core::hint::black_box;
use core::panic::PanicInfo;

fn prove() {
    let mut bytes = black_box([0; 1024]);
    registers::prove(&mut bytes);
    devices::prove();
    snapshots::prove(&mut bytes);
    #[cfg(feature = "control")]
    black_box(bytes[black_box(7)]);
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
