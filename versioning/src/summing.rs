//! Writes a large payload, and checksums it block by block while the blocks are in the processor's cache.

use crate::checksum::Checksum;
use crate::error::SaveError;
use crate::writer::{Writer, copy_run};

/// Payloads longer than this are checksummed while they are written. A shorter one is in the cache anyway, and one call
/// for all of it is faster.
pub(crate) const LARGE: usize = 1 << 20;

/// The minimum number of bytes in a block. A block fits the second-level cache. It is long compared with the checksum's
/// tables, which each block loads into the first-level cache again.
const BLOCK: usize = 128 << 10;

/// Fills a buffer of exactly the announced length, as [`SliceWriter`](crate::writer::SliceWriter) does.
pub(crate) struct SummingWriter<'a, C: Checksum> {
    /// The bytes without a checksum.
    rest: &'a mut [u8],
    /// The number of these bytes that are written. More than there are after the first value that did not fit.
    filled: usize,
    digest: C::Digest,
    failure: Option<SaveError>,
}

impl<'a, C: Checksum> SummingWriter<'a, C> {
    /// Creates a writer that fills `buffer`. `digest` has seen the bytes before.
    pub(crate) const fn new(buffer: &'a mut [u8], digest: C::Digest) -> Self {
        Self {
            rest: buffer,
            filled: 0,
            digest,
            failure: None,
        }
    }

    /// Ends the writing of `announced` bytes and returns the checksum.
    ///
    /// # Errors
    ///
    /// As [`SliceWriter::finish`](crate::writer::SliceWriter::finish).
    pub(crate) fn finish(mut self, announced: usize) -> Result<u64, SaveError> {
        match self.failure {
            Some(kind) => Err(kind),
            None if self.filled == self.rest.len() => {
                self.sum();
                Ok(C::finish(self.digest))
            }
            None => {
                let summed = announced.saturating_sub(self.rest.len());
                Err(SaveError::WrongLength {
                    announced,
                    written: summed.saturating_add(self.filled),
                })
            }
        }
    }

    fn sum(&mut self) {
        if self.filled <= self.rest.len()
            && let Some((block, rest)) = core::mem::take(&mut self.rest).split_at_mut_checked(self.filled)
        {
            C::update(&mut self.digest, block);
            self.rest = rest;
            self.filled = 0;
        }
    }

    #[inline]
    fn advance(&mut self, bytes: usize) -> Option<&mut [u8]> {
        let start = self.filled;
        self.filled = start.saturating_add(bytes);
        self.rest.get_mut(start..)?.get_mut(..bytes)
    }
}

impl<C: Checksum> Writer for SummingWriter<'_, C> {
    #[inline]
    fn window<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        self.advance(N)?.first_chunk_mut()
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(window) = self.advance(bytes.len()) {
            copy_run(bytes, window);
        }
    }

    /// With one comparison for both, where the length has one byte.
    #[inline]
    fn run<const BOUND: usize>(&mut self, bytes: &[u8]) {
        if BOUND >= 0x80 {
            self.length::<BOUND>(bytes.len());
            self.bytes(bytes);
        } else if let Some([length, place @ ..]) = self.advance(bytes.len() + 1) {
            *length = bytes.len() as u8;
            copy_run(bytes, place);
        }
    }

    #[cold]
    fn fail(&mut self, kind: SaveError) {
        self.failure.get_or_insert(kind);
    }

    #[inline]
    fn commit(&mut self) {
        if self.filled >= BLOCK {
            self.sum();
        }
    }
}
