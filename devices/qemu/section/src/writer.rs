//! Writes the bytes of a section.

use crate::error::{SectionError, SectionProblem};
use crate::layout::Layout;
use crate::reader::SUBSECTION;

/// Writes the fields of a section into a buffer, one after the other.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    offset: usize,
}

impl<'b> Writer<'b> {
    /// Creates a writer into a buffer.
    #[must_use]
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, offset: 0 }
    }

    /// Writes the bytes of a field.
    ///
    /// # Errors
    ///
    /// [`SectionProblem::NoRoom`] if the buffer is too small.
    pub fn bytes(&mut self, field: &'static str, bytes: &[u8]) -> Result<(), SectionError> {
        let left = self.buffer.len().saturating_sub(self.offset);
        let room = self.buffer.get_mut(self.offset..).unwrap_or_default();
        let Some(room) = room.get_mut(..bytes.len()) else {
            return Err(SectionError {
                offset: self.offset,
                field,
                problem: SectionProblem::NoRoom {
                    needed: bytes.len(),
                    left,
                },
            });
        };
        room.copy_from_slice(bytes);
        self.offset += bytes.len();
        Ok(())
    }

    /// Writes the header of a subsection.
    ///
    /// # Errors
    ///
    /// [`SectionProblem::NoRoom`] if the buffer is too small.
    pub fn subsection(&mut self, layout: &Layout) -> Result<(), SectionError> {
        let Layout { name, version, .. } = *layout;
        // No name is longer than 255 bytes: QEMU's have 26 at most.
        self.bytes(name, &[SUBSECTION, name.len() as u8])?;
        self.bytes(name, name.as_bytes())?;
        self.bytes(name, &version.to_be_bytes())
    }

    /// Returns the number of bytes that were written.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.offset
    }

    /// Returns `true` if nothing was written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.offset == 0
    }
}
