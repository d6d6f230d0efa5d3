//! QEMU's virt board: its console, its clocks and interrupts, and how to leave it.

use bare_board::Mapped;
use core::arch::{asm, global_asm};
use core::fmt;
use core::panic::PanicInfo;
use devstate_core::{Instant, RegisterIo};

global_asm!(include_str!("boot.s"));

/// The PL031.
pub const fn rtc() -> Mapped<u32> {
    // SAFETY: the board has it there.
    unsafe { Mapped::at(0x0901_0000) }
}

/// The interrupt controller's distributor.
const fn distributor() -> Mapped<u32> {
    // SAFETY: the board has it there.
    unsafe { Mapped::at(0x0800_0000) }
}

/// The interrupt controller's interface to this processor.
const fn interrupts() -> Mapped<u32> {
    // SAFETY: the board has it there.
    unsafe { Mapped::at(0x0801_0000) }
}

const fn console() -> Mapped<u32> {
    // SAFETY: the board has its PL011 there.
    unsafe { Mapped::at(0x0900_0000) }
}

/// Interrupts that this firmware waits for.
pub const RTC_INTERRUPT: u32 = 32 + 2;
const TIMER_INTERRUPT: u32 = 16 + 11;

/// Lets the interrupts of the clock and the timer through to the processor, which polls for them: it leaves its own mask
/// closed, and wakes up all the same.
pub fn enable_interrupts() {
    const ENABLE: u16 = 0x100;
    const TARGETS: u16 = 0x800;
    const PRIORITY_MASK: u16 = 4;
    let mut distributor = distributor();
    for interrupt in [TIMER_INTERRUPT, RTC_INTERRUPT] {
        distributor.write(ENABLE + (interrupt / 32 * 4) as u16, 1 << (interrupt % 32));
    }
    distributor.write(TARGETS + (RTC_INTERRUPT & !3) as u16, 0x0101_0101);
    distributor.write(0, 1);
    interrupts().write(PRIORITY_MASK, 0xff);
    interrupts().write(0, 1);
}

/// Sleeps until `deadline`, on [`now`]'s clock, or until the PL031 interrupts. Returns whether it did.
pub fn rtc_interrupts_before(deadline: Instant) -> bool {
    const ACKNOWLEDGE: u16 = 0x0c;
    const END: u16 = 0x10;
    // SAFETY: sets the timer and waits; no handler runs, for the processor's own mask is closed.
    unsafe {
        asm!("msr cntv_cval_el0, {}", "mov {1}, #1", "msr cntv_ctl_el0, {1}", in(reg) to_ticks(deadline.as_nanos()), out(reg) _);
        asm!("wfi");
        asm!("msr cntv_ctl_el0, xzr");
    }
    let interrupt = interrupts().read(ACKNOWLEDGE);
    interrupts().write(END, interrupt);
    interrupt & 0x3ff == RTC_INTERRUPT
}

/// The time since the machine was switched on: the generic timer, which a reset does not touch.
pub fn now() -> Instant {
    let ticks: u64;
    // SAFETY: reads a counter.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack)) };
    Instant::from_nanos((u128::from(ticks) * 1_000_000_000 / u128::from(frequency())) as u64)
}

fn to_ticks(nanoseconds: u64) -> u64 {
    (u128::from(nanoseconds) * u128::from(frequency())).div_ceil(1_000_000_000) as u64
}

fn frequency() -> u64 {
    let hertz: u64;
    // SAFETY: reads a constant.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) hertz, options(nomem, nostack)) };
    hertz
}

/// Resets the machine through PSCI: memory keeps what it holds, and so does QEMU's PL031, which has no reset line.
pub fn reset() -> ! {
    const SYSTEM_RESET: u32 = 0x8400_0009;
    // SAFETY: does not return.
    unsafe { asm!("hvc #0", in("w0") SYSTEM_RESET, options(noreturn)) }
}

/// Ends QEMU with this exit status.
pub fn exit(status: u64) -> ! {
    const SYS_EXIT: u32 = 0x18;
    const APPLICATION_EXIT: u64 = 0x2_0026;
    let arguments = [APPLICATION_EXIT, status];
    // SAFETY: semihosting reads the two words, which live.
    unsafe { asm!("hlt #0xf000", in("w0") SYS_EXIT, in("x1") arguments.as_ptr(), options(noreturn)) }
}

/// Formatted text for the console.
pub fn print(text: fmt::Arguments<'_>) {
    let _ = fmt::Write::write_fmt(&mut Console, text);
}

/// A line for the console.
#[macro_export]
macro_rules! println {
    ($($text:tt)*) => {
        $crate::machine::print(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// The board's PL011, as QEMU leaves it: ready.
struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| console().write(0, byte.into()));
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    exit(1)
}
