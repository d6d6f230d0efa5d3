//! QEMU's virt board: its console, its UART, and how to leave it.

use bare_board::Mapped;
use core::arch::global_asm;
use core::fmt;
use core::panic::PanicInfo;

global_asm!(include_str!("boot.s"));

/// The ns16550a: byte registers, side by side.
pub const fn uart() -> Mapped<u8> {
    // SAFETY: the board has it there, with 256 bytes of registers.
    unsafe { Mapped::at(0x1000_0000) }
}

/// Resets the machine: processor and devices start anew, memory keeps what it holds.
pub fn reset() -> ! {
    finish(0x7777)
}

/// Ends QEMU, with status 0 if all is well.
pub fn exit(success: bool) -> ! {
    finish(if success { 0x5555 } else { 0x1_3333 })
}

fn finish(code: u32) -> ! {
    const TEST_FINISHER: *mut u32 = 0x10_0000 as *mut u32;
    // SAFETY: the board's register for this.
    unsafe { TEST_FINISHER.write_volatile(code) };
    loop {
        core::hint::spin_loop();
    }
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

/// Semihosting, since the only UART is what this is about.
struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const SYS_WRITEC: usize = 3;
        unsafe extern "C" {
            fn semihosting(operation: usize, argument: *const u8) -> usize;
        }
        for byte in text.as_bytes() {
            // SAFETY: reads the one byte, which lives; changes no register but the result's.
            unsafe { semihosting(SYS_WRITEC, byte) };
        }
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    exit(false)
}
