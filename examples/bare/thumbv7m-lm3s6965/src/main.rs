//! Three emulated devices on a Cortex-M3, saved for two releases of the firmware and loaded again. There is no heap:
//! the devices, the mirror and the buffer are statics whose sizes the types say.

#![no_std]
#![no_main]

mod devices;

use bare_machine::{BUFFER_LEN, MachineSer, OPTIONS, Release};
use core::panic::PanicInfo;
use core::time::Duration;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS, ExitStatus};
use defmt_semihosting as _;
use devices::Devices;
use devstate_core::{Clock, Instant};
use devstate_versioning::{Error, Mirror, ReleaseTable};
use static_cell::ConstStaticCell;

static BUFFER: ConstStaticCell<[u8; BUFFER_LEN]> = ConstStaticCell::new([0; BUFFER_LEN]);
static DEVICES: ConstStaticCell<Devices> = ConstStaticCell::new(Devices::new());

const RESTORED_AT: Instant = Instant::from_secs(1);

#[cortex_m_rt::entry]
fn main() -> ! {
    let (devices, buffer) = (DEVICES.take(), BUFFER.take());
    defmt::info!("static: {} bytes of devices", size_of::<Devices>());
    defmt::info!("static: {} bytes of buffer", BUFFER_LEN);

    devices.use_them(Instant::EPOCH);
    let saved = devices.mirror(RESTORED_AT);
    let result = at_release_2(&saved, buffer, devices).and_then(|()| at_release_1(&saved, buffer, devices));
    if let Err(error) = result {
        defmt::error!("{}", error);
        stop(EXIT_FAILURE)
    }
    defmt::info!("done");
    stop(EXIT_SUCCESS)
}

/// The latest release: everything comes back.
fn at_release_2(saved: &MachineSer, buffer: &mut [u8], devices: &mut Devices) -> Result<(), Error> {
    let snapshot = Release::latest(saved).with_options(OPTIONS).save(buffer)?;
    defmt::info!("{}: {} bytes", Release::LATEST, snapshot.len());

    let mut mirror = MachineSer::default();
    Release::load_with(OPTIONS, snapshot, &mut mirror)?;
    defmt::info!("  as saved: {}", mirror == *saved);
    restore(devices, &mirror, Clock::Frozen);
    devices.look_at_them(RESTORED_AT);
    Ok(())
}

/// The firmware before this one knows less. The losses are reported first.
fn at_release_1(saved: &MachineSer, buffer: &mut [u8], devices: &mut Devices) -> Result<(), Error> {
    let mut scratch = saved.clone();
    if let Err(error) = Release::V1.downgrade(saved, &mut scratch) {
        defmt::info!("release 1 is refused: {}", error);
    }
    let mut lost = 0u32;
    let older = Release::V1.downgrade_lossy(saved, &mut scratch, &mut |loss| {
        lost += 1;
        let name = loss.field.display(MachineSer::SCHEMA);
        defmt::info!("  would lose {}", defmt::Display2Format(&name));
        true
    })?;
    let snapshot = older.with_options(OPTIONS).save(buffer)?;
    defmt::info!("release 1: {} bytes, {} fields lost", snapshot.len(), lost);

    let mut mirror = MachineSer::default();
    Release::load_with(OPTIONS, snapshot, &mut mirror)?;
    // That release knew the time only as a distance from its host's.
    mirror.rtc.resolve(Duration::from_secs(1), RESTORED_AT);
    restore(devices, &mirror, Clock::Wall);
    devices.look_at_them(Instant::from_secs(2));
    Ok(())
}

/// Makes new devices and restores them.
fn restore(devices: &mut Devices, mirror: &MachineSer, clock: Clock) {
    *devices = Devices::new();
    if cfg!(feature = "broken-restore") {
        return;
    }
    if let Err(invalid) = devices.restore(mirror, RESTORED_AT, clock) {
        defmt::error!("{}", invalid);
    }
}

fn stop(status: ExitStatus) -> ! {
    debug::exit(status);
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    defmt::error!("panicked");
    stop(EXIT_FAILURE)
}
