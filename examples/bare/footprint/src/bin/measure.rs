//! Counts the instructions and paints the stack, and says both through semihosting.

#![no_std]
#![no_main]

use bare_footprint::{BUFFER_LEN, MachineSer, load, save, save_older};
use core::panic::PanicInfo;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;

#[cortex_m_rt::entry]
fn main() -> ! {
    let Some(mut peripherals) = cortex_m::Peripherals::take() else {
        debug::exit(EXIT_FAILURE);
        stop()
    };
    let clock = &mut peripherals.SYST;
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(0x00ff_ffff);
    clock.clear_current();
    clock.enable_counter();

    let machine = bare_footprint::busy_machine();
    let mut buffer = [0; BUFFER_LEN];
    let mut scratch = MachineSer::default();
    let mut len = 0;
    report("save", clock, || len = save(&machine, &mut buffer).unwrap_or(0));
    report("load", clock, || check(load(&buffer[..len], &mut scratch).is_ok()));
    check(scratch == machine);
    hprintln!("bytes latest {}", len);

    let bytes = [0x5a; 119];
    report("crc", clock, || {
        core::hint::black_box(bare_footprint::crc_of(&bytes));
    });
    let machine = bare_footprint::machine_of_v1();
    report("save-older", clock, || {
        len = save_older(&machine, &mut buffer).unwrap_or(0)
    });
    report("load-older", clock, || {
        check(load(&buffer[..len], &mut scratch).is_ok())
    });
    hprintln!("bytes older {}", len);
    hprintln!("mirror {} buffer {}", size_of::<MachineSer>(), BUFFER_LEN);
    debug::exit(EXIT_SUCCESS);
    stop()
}

fn report(name: &str, clock: &SYST, mut work: impl FnMut()) {
    let empty = instructions(clock, &mut || ());
    let taken = instructions(clock, &mut work).saturating_sub(empty);
    let empty = stack(&mut || ());
    let stack = stack(&mut work).saturating_sub(empty);
    hprintln!("{} instructions {} stack {}", name, taken, stack);
}

/// QEMU counts one instruction a nanosecond (`-icount shift=0`), and the clock ticks at 12.5 MHz: 80 instructions a
/// tick, so many runs together give the number of one.
#[inline(never)]
fn instructions(_clock: &SYST, work: &mut dyn FnMut()) -> u32 {
    const RUNS: u32 = 1_000;
    let start = SYST::get_current();
    for _ in 0..RUNS {
        work();
    }
    let ticks = start.wrapping_sub(SYST::get_current()) & 0x00ff_ffff;
    (ticks * 80 + RUNS / 2) / RUNS
}

/// Bytes of stack, this function's callee included.
#[inline(never)]
fn stack(work: &mut dyn FnMut()) -> usize {
    const PAINT: u32 = 0xa5a5_a5a5;
    const WORDS: usize = 2_048;
    let top = cortex_m::register::msp::read() as usize / 4 * 4 - 64;
    let bottom = top - WORDS * 4;
    for address in (bottom..top).step_by(4) {
        // SAFETY: below the stack pointer and above the statics, whose end is far below; nothing else uses it.
        unsafe { (address as *mut u32).write_volatile(PAINT) };
    }
    work();
    // SAFETY: as above.
    let untouched = (bottom..top)
        .step_by(4)
        .take_while(|address| unsafe { (*address as *const u32).read_volatile() } == PAINT);
    top - bottom - untouched.count() * 4
}

fn check(holds: bool) {
    if !holds {
        debug::exit(EXIT_FAILURE);
    }
}

fn stop() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    debug::exit(EXIT_FAILURE);
    stop()
}
