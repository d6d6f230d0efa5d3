//! Writes a large payload, and sums it block by block while the blocks are still in the processor's cache.

use crate::checksum::Checksum;
use crate::error::ErrorKind;
use crate::writer::Writer;

/// From this length on a payload is summed while it is written. A shorter one is in the cache anyway, and one call for all
/// of it is faster.
pub(crate) const LARGE: usize = 1 << 20;

/// Bytes that are summed at a time, or some more: what fits the second cache, and is long beside a checksum's tables,
/// which each block has to bring back into the first.
const BLOCK: usize = 128 << 10;

/// Fills a buffer of exactly the announced length, as [`SliceWriter`](crate::SliceWriter) does.
pub(crate) struct SummingWriter<'a, C: Checksum> {
    /// What is not summed yet.
    rest: &'a mut [u8],
    /// Bytes of it that are written; more than there are from the first value on that did not fit.
    filled: usize,
    digest: C::Digest,
    failure: Option<ErrorKind>,
}

impl<'a, C: Checksum> SummingWriter<'a, C> {
    /// A writer that fills `buffer`, whose bytes come behind those that `digest` has seen.
    pub(crate) const fn new(buffer: &'a mut [u8], digest: C::Digest) -> Self {
        Self {
            rest: buffer,
            filled: 0,
            digest,
            failure: None,
        }
    }

    /// Ends the writing of `announced` bytes, and gives the checksum.
    ///
    /// # Errors
    ///
    /// As [`SliceWriter::finish`](crate::SliceWriter::finish).
    pub(crate) fn finish(mut self, announced: usize) -> Result<u64, ErrorKind> {
        match self.failure {
            Some(kind) => Err(kind),
            None if self.filled == self.rest.len() => {
                self.sum();
                Ok(C::finish(self.digest))
            }
            None => {
                let summed = announced.saturating_sub(self.rest.len());
                Err(ErrorKind::WrongLength {
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
            window.copy_from_slice(bytes);
        }
    }

    #[cold]
    fn fail(&mut self, kind: ErrorKind) {
        self.failure.get_or_insert(kind);
    }

    #[inline]
    fn settle(&mut self) {
        if self.filled >= BLOCK {
            self.sum();
        }
    }
}
