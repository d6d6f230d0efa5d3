//! Memory that outlives a reset.

/// What outlives a reset: nobody clears it, so it starts as whatever the memory holds.
#[repr(C)]
pub struct Kept {
    /// How often the machine has been started. QEMU's memory starts as zeros.
    pub starts: u32,
    pub flash: [u8; FLASH_LEN],
}

/// Two slots of four sectors each.
pub const FLASH_LEN: usize = 2048;

/// The memory that outlives a reset. To be called once.
pub fn kept() -> &'static mut Kept {
    unsafe extern "C" {
        static mut KEPT: Kept;
    }
    let kept = &raw mut KEPT;
    // SAFETY: each board's linker script reserves the place, in its memory and in no section; any bytes are a valid
    // `Kept`; and there is one caller, who calls once.
    unsafe { &mut *kept }
}
