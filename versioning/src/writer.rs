//! Writes a payload: into a buffer of exactly its length, or through a smaller one into a sink.

use core::fmt;

use crate::error::ErrorKind;
use crate::varint;

/// Where encoded bytes go when they do not stay in the buffer that they were written to: a stream, or memory that only
/// raw pointers may touch.
pub trait Sink {
    /// Takes all of `bytes`, which follow what it took before; `false` if it could not. It is not called again then,
    /// and keeps the reason for whoever owns it.
    fn put(&mut self, bytes: &[u8]) -> bool;
}

/// Where a payload is written to, front to back: [`SliceWriter`] or [`SinkWriter`].
///
/// It has as much room as `encoded_len` announced. What an implementation of [`Wire`](crate::Wire) writes beyond it is
/// dropped, and the saving fails afterwards, so nothing here needs to return an error.
pub trait Writer {
    /// The next `N` bytes, to be filled; `None` where there are fewer.
    fn window<const N: usize>(&mut self) -> Option<&mut [u8; N]>;

    /// Writes `bytes`.
    fn bytes(&mut self, bytes: &[u8]);

    /// Notes that a value has no encoding; the saving fails with the first such error.
    fn fail(&mut self, kind: ErrorKind);

    /// Told between the items of a long sequence: what was written so far stays as it is.
    #[inline]
    fn settle(&mut self) {}

    /// Writes one byte.
    #[inline]
    fn byte(&mut self, byte: u8) {
        if let Some(window) = self.window() {
            *window = [byte];
        }
    }

    /// Writes the length of a sequence of at most `BOUND`: seven bits a byte, least significant first, as postcard does.
    #[inline]
    fn length<const BOUND: usize>(&mut self, length: usize) {
        if BOUND < 0x80 || length < 0x80 {
            self.byte(length as u8);
        } else if BOUND < 0x4000 || length < 0x4000 {
            if let Some(window) = self.window() {
                *window = [length as u8 | 0x80, (length >> 7) as u8];
            }
        } else {
            write_long_length(self, length);
        }
    }
}

#[cold]
fn write_long_length<W: Writer + ?Sized>(writer: &mut W, mut length: usize) {
    while length >= 0x80 {
        writer.byte(length as u8 | 0x80);
        length >>= 7;
    }
    writer.byte(length as u8);
}

/// Fills a buffer of exactly the announced length.
#[derive(Debug)]
pub struct SliceWriter<'a> {
    /// Nothing from the first value on that did not fit.
    rest: &'a mut [u8],
    /// What was asked for, whether it fitted or not: so wide that it cannot wrap.
    written: u64,
    failure: Option<ErrorKind>,
}

impl<'a> SliceWriter<'a> {
    /// A writer that fills `buffer`.
    #[must_use]
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            rest: buffer,
            written: 0,
            failure: None,
        }
    }

    /// Ends the writing of `announced` bytes.
    ///
    /// # Errors
    ///
    /// What [`fail`](Writer::fail) noted, or `WrongLength` where fewer or more bytes were written.
    pub fn finish(self, announced: usize) -> Result<(), ErrorKind> {
        match self.failure {
            Some(kind) => Err(kind),
            None if self.rest.is_empty() && self.written == announced as u64 => Ok(()),
            None => Err(ErrorKind::WrongLength {
                announced,
                written: usize::try_from(self.written).unwrap_or(usize::MAX),
            }),
        }
    }
}

impl Writer for SliceWriter<'_> {
    // Nothing is told apart that need not be until the end: each window is one comparison.
    #[inline]
    fn window<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        self.written += N as u64;
        let (window, rest) = core::mem::take(&mut self.rest).split_first_chunk_mut::<N>()?;
        self.rest = rest;
        Some(window)
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        if let Some((window, rest)) = core::mem::take(&mut self.rest).split_at_mut_checked(bytes.len()) {
            window.copy_from_slice(bytes);
            self.rest = rest;
        }
    }

    #[cold]
    fn fail(&mut self, kind: ErrorKind) {
        self.failure.get_or_insert(kind);
    }
}

/// Gathers short values in a small buffer and hands everything to a sink.
pub struct SinkWriter<'a> {
    buffer: &'a mut [u8],
    filled: usize,
    /// Bytes that have left the buffer, into the sink or dropped.
    gone: usize,
    sink: &'a mut dyn Sink,
    failure: Option<ErrorKind>,
}

/// From this length on a run of bytes goes to the sink without being copied into the buffer before.
const DIRECT: usize = 256;

impl<'a> SinkWriter<'a> {
    /// A writer that hands everything to `sink`. A window that is longer than `buffer` fails the writing.
    #[must_use]
    pub const fn new(buffer: &'a mut [u8], sink: &'a mut dyn Sink) -> Self {
        Self {
            buffer,
            filled: 0,
            gone: 0,
            sink,
            failure: None,
        }
    }

    /// Hands over what is left, and ends the writing of `announced` bytes.
    ///
    /// # Errors
    ///
    /// What [`fail`](Writer::fail) noted, `BufferTooSmall` for a window that did not fit, `Sink` where the sink took no
    /// more, or `WrongLength` where fewer or more bytes were written.
    pub fn finish(mut self, announced: usize) -> Result<(), ErrorKind> {
        self.flush();
        match self.failure {
            Some(kind) => Err(kind),
            None if self.gone == announced => Ok(()),
            None => Err(ErrorKind::WrongLength {
                announced,
                written: self.gone,
            }),
        }
    }

    fn flush(&mut self) {
        let filled = core::mem::take(&mut self.filled);
        let bytes = self.buffer.get(..filled).unwrap_or_default();
        self.gone = self.gone.saturating_add(filled);
        if self.failure.is_none() && !bytes.is_empty() && !self.sink.put(bytes) {
            self.failure = Some(ErrorKind::Sink);
        }
    }
}

impl Writer for SinkWriter<'_> {
    #[inline]
    fn window<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        if self.buffer.len() - self.filled < N {
            self.flush();
        }
        let available = self.buffer.len();
        let Some(window) = self
            .buffer
            .get_mut(self.filled..)
            .and_then(|free| free.first_chunk_mut::<N>())
        else {
            self.failure
                .get_or_insert(ErrorKind::BufferTooSmall { needed: N, available });
            return None;
        };
        self.filled += N;
        Some(window)
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        if self.buffer.len() - self.filled < bytes.len() {
            self.flush();
        }
        match self
            .buffer
            .get_mut(self.filled..)
            .and_then(|free| free.get_mut(..bytes.len()))
        {
            Some(window) if bytes.len() < DIRECT => {
                window.copy_from_slice(bytes);
                self.filled += bytes.len();
            }
            _ => {
                self.flush();
                self.gone = self.gone.saturating_add(bytes.len());
                if self.failure.is_none() && !self.sink.put(bytes) {
                    self.failure = Some(ErrorKind::Sink);
                }
            }
        }
    }

    #[cold]
    fn fail(&mut self, kind: ErrorKind) {
        self.failure.get_or_insert(kind);
    }
}

impl fmt::Debug for SinkWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkWriter")
            .field("written", &(self.filled + self.gone))
            .finish_non_exhaustive()
    }
}

/// How many bytes [`Writer::length`] writes for a sequence of at most `BOUND` elements.
#[inline]
#[must_use]
pub const fn length_len<const BOUND: usize>(length: usize) -> usize {
    if BOUND < 0x80 { 1 } else { varint::len(length) }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    struct Taken(Vec<u8>, usize);

    impl Sink for Taken {
        fn put(&mut self, bytes: &[u8]) -> bool {
            self.0.extend_from_slice(bytes);
            self.0.len() <= self.1
        }
    }

    #[test]
    fn a_sink_gets_everything_in_order_through_a_small_buffer() {
        for capacity in [5, 16, 300, 1000] {
            let mut buffer = std::vec![0; capacity];
            let mut taken = Taken(Vec::new(), usize::MAX);
            let mut writer = SinkWriter::new(&mut buffer, &mut taken);
            let long: Vec<u8> = (0..=255).cycle().take(700).collect();
            writer.byte(1);
            writer.bytes(&long);
            writer.length::<300>(300);
            writer.bytes(&[7; 40]);
            *writer.window().unwrap() = 0x0102_0304_u32.to_le_bytes();
            writer.finish(1 + 700 + 2 + 40 + 4).unwrap();
            let expected: Vec<u8> = [&[1][..], &long, &[0xac, 2], &[7; 40], &[4, 3, 2, 1]].concat();
            assert_eq!(taken.0, expected, "with {capacity} bytes");
        }
    }

    #[test]
    fn a_sink_that_takes_no_more_fails_the_writing() {
        let mut buffer = [0; 16];
        let mut taken = Taken(Vec::new(), 20);
        let mut writer = SinkWriter::new(&mut buffer, &mut taken);
        for _ in 0..100 {
            writer.byte(1);
        }
        assert_eq!(writer.finish(100), Err(ErrorKind::Sink));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut buffer = [0xa5; 4];
        let mut writer = SliceWriter::new(&mut buffer);
        writer.bytes(&[1, 2, 3]);
        assert!(writer.window::<2>().is_none());
        assert_eq!(
            writer.finish(4),
            Err(ErrorKind::WrongLength {
                announced: 4,
                written: 5
            })
        );
        assert_eq!(buffer, [1, 2, 3, 0xa5]);
    }
}
