//! Counts instructions and paints the stack, and prints both through semihosting, a line for each piece of work.

#![no_std]
#![no_main]

use bare_footprint::{load, load_nothing, save, save_nothing, save_older};
use bare_machine::{BUFFER_LEN, MachineSer};
use core::hint::black_box;
use core::panic::PanicInfo;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;

/// Copying without a frame, byte by byte: so the stack is that of the measured code alone. The compiler's own is faster.
#[cfg(feature = "frames")]
core::arch::global_asm!(
    ".globl memcpy, __aeabi_memcpy, __aeabi_memcpy4, __aeabi_memcpy8",
    ".globl memset, __aeabi_memset, __aeabi_memset4, __aeabi_memset8, __aeabi_memclr, __aeabi_memclr4, __aeabi_memclr8",
    ".thumb_func",
    "memcpy:",
    ".thumb_func",
    "__aeabi_memcpy:",
    ".thumb_func",
    "__aeabi_memcpy4:",
    ".thumb_func",
    "__aeabi_memcpy8:",
    "1: subs r2, #1",
    "bmi 2f",
    "ldrb r3, [r1, r2]",
    "strb r3, [r0, r2]",
    "b 1b",
    "2: bx lr",
    ".thumb_func",
    "__aeabi_memclr:",
    ".thumb_func",
    "__aeabi_memclr4:",
    ".thumb_func",
    "__aeabi_memclr8:",
    "movs r2, #0",
    ".thumb_func",
    "__aeabi_memset:",
    ".thumb_func",
    "__aeabi_memset4:",
    ".thumb_func",
    "__aeabi_memset8:",
    "mov r3, r1",
    "mov r1, r2",
    "mov r2, r3",
    ".thumb_func",
    "memset:",
    "1: subs r2, #1",
    "bmi 2f",
    "strb r1, [r0, r2]",
    "b 1b",
    "2: bx lr",
);

#[cortex_m_rt::entry]
fn main() -> ! {
    let Some(peripherals) = cortex_m::Peripherals::take() else {
        fail()
    };
    start_clock(peripherals.SYST);
    let mut buffer = [0; BUFFER_LEN];
    let mut scratch = MachineSer::default();

    let machine = bare_machine::busy();
    let mut len = 0;
    let caller = cost(|| len = black_box(save_nothing(black_box(&machine), black_box(&mut buffer))).unwrap_or(0));
    report("save", caller, || {
        len = black_box(save(black_box(&machine), black_box(&mut buffer))).unwrap_or(0)
    });
    let reader = cost(|| check(black_box(load_nothing(black_box(&buffer[..len]), black_box(&mut scratch))).is_err()));
    report("load", reader, || {
        check(black_box(load(black_box(&buffer[..len]), black_box(&mut scratch))).is_ok())
    });
    check(scratch == machine);
    hprintln!("bytes {}", len);

    let machine = bare_machine::of_release_1();
    report("save-older", caller, || {
        len = black_box(save_older(
            black_box(&machine),
            black_box(&mut buffer),
            black_box(&mut scratch),
        ))
        .unwrap_or(0)
    });
    report("load-older", reader, || {
        check(black_box(load(black_box(&buffer[..len]), black_box(&mut scratch))).is_ok())
    });
    check(scratch == machine);
    hprintln!("bytes-older {}", len);
    hprintln!("mirror {}", size_of::<MachineSer>());
    hprintln!("buffer {}", BUFFER_LEN);
    debug::exit(EXIT_SUCCESS);
    fail()
}

/// Prints what the work takes beyond what its caller does.
fn report(name: &str, caller: (u32, usize), work: impl FnMut()) {
    let (instructions, stack) = cost(work);
    hprintln!(
        "{} instructions {} stack {}",
        name,
        instructions.saturating_sub(caller.0),
        stack.saturating_sub(caller.1)
    );
}

/// Instructions and bytes of stack.
fn cost(mut work: impl FnMut()) -> (u32, usize) {
    (instructions(&mut work), stack(&mut work))
}

/// QEMU takes a nanosecond for an instruction (`-icount shift=0`), and the clock ticks every 80.
const INSTRUCTIONS_A_TICK: u32 = 80;

fn start_clock(mut clock: SYST) {
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(0x00ff_ffff);
    clock.clear_current();
    clock.enable_counter();
}

/// Of one run, from many, since the clock is coarse.
#[inline(never)]
fn instructions(work: &mut dyn FnMut()) -> u32 {
    const RUNS: u32 = 1_000;
    let start = SYST::get_current();
    for _ in 0..RUNS {
        work();
    }
    let ticks = start.wrapping_sub(SYST::get_current()) & 0x00ff_ffff;
    (ticks * INSTRUCTIONS_A_TICK + RUNS / 2) / RUNS
}

/// Bytes below this function's frame that the work has written to: paints them, works, and looks.
#[inline(never)]
fn stack(work: &mut dyn FnMut()) -> usize {
    const PAINT: u32 = 0xa5a5_a5a5;
    const DEPTH: usize = 8 * 1024;
    // Interrupts are off, so nothing else uses the stack.
    let top = cortex_m::register::msp::read() as usize & !3;
    let painted = (top - DEPTH..top).step_by(4);
    for address in painted.clone() {
        // SAFETY: between the stack pointer and the statics, which end far below.
        unsafe { (address as *mut u32).write_volatile(PAINT) };
    }
    work();
    // SAFETY: as above.
    let untouched = painted.take_while(|address| unsafe { (*address as *const u32).read_volatile() } == PAINT);
    DEPTH - untouched.count() * 4
}

fn check(holds: bool) {
    if !holds {
        fail();
    }
}

fn fail() -> ! {
    debug::exit(EXIT_FAILURE);
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    fail()
}
