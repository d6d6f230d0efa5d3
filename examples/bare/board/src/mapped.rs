//! Registers in memory.

use devstate_core::RegisterIo;

/// Registers in memory, each as wide as `W`, at the offsets that the manual gives.
pub struct Mapped<W> {
    base: *mut W,
}

impl<W> Mapped<W> {
    /// The device whose first register has this address.
    ///
    /// # Safety
    ///
    /// A device has to be there, with registers of `W` at every offset that is read or written, which touches no
    /// memory of the program's; nor does the device of its own accord.
    #[must_use]
    pub const unsafe fn at(address: usize) -> Self {
        Self {
            base: core::ptr::without_provenance_mut(address),
        }
    }
}

impl<W: Copy> RegisterIo<W> for Mapped<W> {
    fn read(&mut self, offset: u16) -> W {
        // SAFETY: as `at` demands.
        unsafe { self.base.byte_add(offset.into()).read_volatile() }
    }

    fn write(&mut self, offset: u16, value: W) {
        // SAFETY: as `at` demands.
        unsafe { self.base.byte_add(offset.into()).write_volatile(value) };
    }
}
