//! Writes a payload into a buffer of exactly its length.

use crate::error::ErrorKind;
use crate::varint;

/// Writes a payload front to back.
///
/// It is given as many bytes as `encoded_len` announced. An implementation that writes more has the rest dropped and
/// the saving fails afterwards, so nothing here needs to return an error.
#[derive(Debug)]
pub struct Writer<'a> {
    rest: &'a mut [u8],
    dropped: usize,
    failure: Option<ErrorKind>,
}

impl<'a> Writer<'a> {
    /// A writer that fills `buffer`.
    #[must_use]
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            rest: buffer,
            dropped: 0,
            failure: None,
        }
    }

    /// The next `N` bytes, to be filled; `None` where there are fewer.
    #[inline]
    pub fn window<const N: usize>(&mut self) -> Option<&'a mut [u8; N]> {
        if self.rest.len() < N {
            self.drop_bytes(N);
            return None;
        }
        let (window, rest) = core::mem::take(&mut self.rest).split_first_chunk_mut::<N>()?;
        self.rest = rest;
        Some(window)
    }

    /// Writes `bytes`.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.rest.len() < bytes.len() {
            return self.drop_bytes(bytes.len());
        }
        if let Some((window, rest)) = core::mem::take(&mut self.rest).split_at_mut_checked(bytes.len()) {
            window.copy_from_slice(bytes);
            self.rest = rest;
        }
    }

    /// Writes one byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        if let Some(window) = self.window() {
            *window = [byte];
        }
    }

    /// Writes the length of a sequence: seven bits a byte, least significant first, as postcard does.
    #[inline]
    pub fn length(&mut self, length: usize) {
        if length < 0x80 {
            self.byte(length as u8);
        } else {
            self.long_length(length);
        }
    }

    #[cold]
    fn long_length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.byte(length as u8 | 0x80);
            length >>= 7;
        }
        self.byte(length as u8);
    }

    #[cold]
    fn drop_bytes(&mut self, bytes: usize) {
        let unused = core::mem::take(&mut self.rest).len();
        self.dropped = self.dropped.saturating_add(bytes.saturating_sub(unused));
    }

    /// Notes that a value has no encoding; the saving fails with the first such error.
    #[cold]
    pub fn fail(&mut self, kind: ErrorKind) {
        self.failure.get_or_insert(kind);
    }

    /// Ends the writing of `announced` bytes.
    ///
    /// # Errors
    ///
    /// What [`fail`](Self::fail) noted, or `WrongLength` where fewer or more bytes were written.
    pub fn finish(self, announced: usize) -> Result<(), ErrorKind> {
        match self.failure {
            Some(kind) => Err(kind),
            None if self.rest.is_empty() && self.dropped == 0 => Ok(()),
            None => {
                let written = announced.saturating_sub(self.rest.len()).saturating_add(self.dropped);
                Err(ErrorKind::WrongLength { announced, written })
            }
        }
    }
}

/// How many bytes [`Writer::length`] writes.
#[must_use]
pub const fn length_len(length: usize) -> usize {
    varint::len(length)
}
