//! Memory that keeps its content over a reset, used like a flash.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// Memory that is used like a flash with sectors of 256 bytes and a write size of 4 bytes. Use it for tests, or for
/// memory that keeps its content over a reset. The start-up code must not clear this memory.
#[derive(Debug)]
pub struct RamFlash<'m>(&'m mut [u8]);

impl<'m> RamFlash<'m> {
    /// Creates a flash with the present content of `memory`.
    pub const fn new(memory: &'m mut [u8]) -> Self {
        Self(memory)
    }
}

/// An out-of-bounds or unaligned access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RamFlashError(NorFlashErrorKind);

impl NorFlashError for RamFlashError {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl ErrorType for RamFlash<'_> {
    type Error = RamFlashError;
}

impl ReadNorFlash for RamFlash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), RamFlashError> {
        check_read(self, offset, bytes.len()).map_err(RamFlashError)?;
        for (to, from) in bytes.iter_mut().zip(self.0.iter().skip(offset as usize)) {
            *to = *from;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for RamFlash<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 256;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), RamFlashError> {
        check_erase(self, from, to).map_err(RamFlashError)?;
        if let Some(bytes) = self.0.get_mut(from as usize..to as usize) {
            bytes.fill(0xff);
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RamFlashError> {
        check_write(self, offset, bytes.len()).map_err(RamFlashError)?;
        for (to, from) in self.0.iter_mut().skip(offset as usize).zip(bytes) {
            *to &= *from;
        }
        Ok(())
    }
}
