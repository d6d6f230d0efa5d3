//! An image for its size: what the features name, and what every image has. It is never run.

#![no_std]
#![no_main]

use bare_machine::{BUFFER_LEN, MachineSer};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;

static mut BUFFER: [u8; BUFFER_LEN] = [0; BUFFER_LEN];
static mut MIRROR: MaybeUninit<MachineSer> = MaybeUninit::zeroed();
static mut SCRATCH: MaybeUninit<MachineSer> = MaybeUninit::zeroed();

#[cortex_m_rt::entry]
fn main() -> ! {
    // SAFETY: the only references to these; and only the image's size is looked at, so what stands in them never matters.
    let (buffer, mirror, scratch) = unsafe {
        (
            &mut *(&raw mut BUFFER),
            &mut *(&raw mut MIRROR).cast::<MachineSer>(),
            &mut *(&raw mut SCRATCH).cast::<MachineSer>(),
        )
    };
    // A firmware's arguments come from elsewhere: nothing is known of them here.
    #[allow(unused_variables, reason = "an image uses what its features name")]
    let (buffer, mirror, scratch) = black_box((&mut buffer[..], mirror, scratch));
    #[cfg(feature = "save")]
    black_box(bare_footprint::save(mirror, buffer).is_ok());
    #[cfg(feature = "save-older")]
    black_box(bare_footprint::save_older(mirror, buffer, scratch).is_ok());
    #[cfg(feature = "load")]
    black_box(bare_footprint::load(buffer, mirror).is_ok());
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
