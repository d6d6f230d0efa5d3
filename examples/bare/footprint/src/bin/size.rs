//! An image for its size: what the features name, and what every image has.

#![no_std]
#![no_main]

use bare_footprint::{BUFFER_LEN, MachineSer};
use core::hint::black_box;
use core::panic::PanicInfo;
use core::ptr::addr_of_mut;

static mut BUFFER: [u8; BUFFER_LEN] = [0; BUFFER_LEN];
/// Memory for a mirror: what stands in it does not matter, for nothing here runs.
static mut MIRROR: core::mem::MaybeUninit<MachineSer> = core::mem::MaybeUninit::zeroed();

#[cortex_m_rt::entry]
fn main() -> ! {
    // SAFETY: the only references; the image is looked at and never run.
    let (buffer, mirror) = unsafe {
        (
            &mut *addr_of_mut!(BUFFER),
            &mut *addr_of_mut!(MIRROR).cast::<MachineSer>(),
        )
    };
    black_box((&mut *buffer, &mut *mirror));
    #[cfg(feature = "save")]
    black_box(bare_footprint::save(mirror, buffer).is_ok());
    #[cfg(feature = "save-older")]
    black_box(bare_footprint::save_older(mirror, buffer).is_ok());
    #[cfg(feature = "load")]
    black_box(bare_footprint::load(buffer, mirror).is_ok());
    stop()
}

fn stop() -> ! {
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
