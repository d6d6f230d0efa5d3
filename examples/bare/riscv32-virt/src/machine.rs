//! QEMU's virt board: its console, its UART, and how to leave it.

use core::arch::global_asm;
use core::fmt;
use core::panic::PanicInfo;
use devstate_core::RegisterIo;

global_asm!(include_str!("boot.s"));

/// What outlives a reset: nobody clears it, so it starts as whatever the memory holds.
#[repr(C)]
pub struct Kept {
    /// How often the machine has been started. QEMU's memory starts as zeros.
    pub starts: u32,
    pub flash: [u8; 2048],
}

/// The memory that outlives a reset. To be called once.
pub fn kept() -> &'static mut Kept {
    unsafe extern "C" {
        static mut KEPT: Kept;
    }
    let kept = &raw mut KEPT;
    // SAFETY: the linker script reserves the place, in the board's memory and in no section; any bytes are a valid
    // `Kept`; and there is one caller, who calls once.
    unsafe { &mut *kept }
}

/// Byte registers in memory, side by side.
pub struct Mapped {
    base: usize,
}

impl Mapped {
    /// The ns16550a.
    pub const fn uart() -> Self {
        Self { base: 0x1000_0000 }
    }
}

impl RegisterIo<u8> for Mapped {
    fn read(&mut self, offset: u16) -> u8 {
        let register = (self.base + usize::from(offset)) as *const u8;
        // SAFETY: the board has a device at `base`, of 256 bytes, and reading its registers touches no memory.
        unsafe { register.read_volatile() }
    }

    fn write(&mut self, offset: u16, value: u8) {
        let register = (self.base + usize::from(offset)) as *mut u8;
        // SAFETY: as above; the device writes no memory of its own accord.
        unsafe { register.write_volatile(value) };
    }
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
