//! The PC that QEMU's q35 is: its console, its ports, and how to leave it.

use core::arch::{asm, global_asm};
use core::fmt;
use core::panic::PanicInfo;
use devstate_core::RegisterIo;

global_asm!(include_str!("boot.s"), options(att_syntax));

/// Eight-bit registers behind I/O ports.
pub struct Ports {
    base: u16,
}

impl Ports {
    /// The first serial port.
    pub const fn com1() -> Self {
        Self { base: 0x3f8 }
    }

    /// The keyboard controller: data at offset 0, status and command at offset 4.
    pub const fn i8042() -> Self {
        Self { base: 0x60 }
    }
}

impl RegisterIo<u8> for Ports {
    fn read(&mut self, offset: u16) -> u8 {
        inb(self.base + offset)
    }

    fn write(&mut self, offset: u16, value: u8) {
        outb(self.base + offset, value);
    }
}

/// Ends QEMU; its exit status is `code * 2 + 1`.
pub fn exit(code: u8) -> ! {
    outb(0xf4, code);
    stop()
}

/// Resets the machine, as a reset button does: processor and devices start anew, memory keeps what it holds.
pub fn reset() -> ! {
    const RESET_CONTROL: u16 = 0xcf9;
    outb(RESET_CONTROL, 0x06);
    stop()
}

/// Formatted text for the console.
pub fn print(text: fmt::Arguments<'_>) {
    let _ = fmt::Write::write_fmt(&mut DebugConsole, text);
}

/// A line for the console.
#[macro_export]
macro_rules! println {
    ($($text:tt)*) => {
        $crate::machine::print(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// QEMU's debug console: what is written to the port appears on standard output.
struct DebugConsole;

impl fmt::Write for DebugConsole {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| outb(0xe9, byte));
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    exit(1)
}

fn inb(port: u16) -> u8 {
    let value;
    // SAFETY: reads no memory; what a device makes of it is the caller's business, and there is one caller: us.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags)) };
    value
}

fn outb(port: u16, value: u8) {
    // SAFETY: none of the devices that this firmware drives writes memory of its own accord (no DMA).
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nostack, preserves_flags)) };
}

fn stop() -> ! {
    loop {
        // SAFETY: with interrupts disabled, it waits for ever.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
