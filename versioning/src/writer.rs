//! Writes a payload: into a buffer of exactly its length, or through a smaller one into a sink.

use core::fmt;

use crate::error::SaveError;
use crate::varint;

/// Takes the bytes of a snapshot piece by piece. Implement it for a destination that is not a `&mut [u8]`, such as a
/// serial port, or memory that is shared with another program.
/// [`Translated::write_into`](crate::Translated::write_into) writes into it.
///
/// ```
/// use devstate_versioning::{ReleaseTable, Sink};
/// # use devstate_versioning::{Versioned, release_table};
/// # #[derive(Versioned, Clone, Debug, Default)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
/// # release_table! { pub enum Release { V1 = 1 @ open } TimerSer => [1], }
///
/// struct Port(Vec<u8>);
///
/// impl Sink for Port {
///     fn put(&mut self, bytes: &[u8]) -> bool {
///         self.0.extend_from_slice(bytes);
///         true
///     }
/// }
///
/// let mut port = Port(Vec::new());
/// let timer = Release::latest(&TimerSer { count: 7 });
/// timer.write_into(&mut port, &mut [0; 64])?;
/// assert_eq!(port.0.len(), timer.snapshot_len());
/// # Ok::<(), devstate_versioning::SaveError>(())
/// ```
pub trait Sink {
    /// Takes all of `bytes` and returns `true`. The bytes follow those of the previous call.
    ///
    /// Returns `false` if the sink cannot take all bytes. Then it is not called again, and saving fails with
    /// [`SaveError::Sink`]. This error has no details, so the sink must store the reason if the caller needs it.
    fn put(&mut self, bytes: &[u8]) -> bool;
}

/// Takes the bytes of a payload, front to back. [`Wire::encode`](crate::wire::Wire::encode) of a hand-written codec writes
/// its fields into it.
///
/// No function here returns an error. The writer has room for the number of bytes that
/// [`Wire::encoded_len`](crate::wire::Wire::encoded_len) announced. It drops bytes beyond that, and saving then fails with
/// [`SaveError::WrongLength`].
pub trait Writer {
    /// Returns the next `N` bytes for the caller to fill, or `None` if there are fewer.
    fn window<const N: usize>(&mut self) -> Option<&mut [u8; N]>;

    /// Writes `bytes`.
    fn bytes(&mut self, bytes: &[u8]);

    /// Records that a value has no encoding. Saving fails with the first recorded error.
    fn fail(&mut self, kind: SaveError);

    /// Declares that the bytes written so far are final. A [`Sequence`](crate::Sequence) calls it between items, so
    /// that a writer can compute the checksum of these bytes while they are in the cache.
    #[inline]
    fn commit(&mut self) {}

    /// Writes one byte.
    #[inline]
    fn byte(&mut self, byte: u8) {
        if let Some(window) = self.window() {
            *window = [byte];
        }
    }

    /// Writes the length of a sequence of at most `BOUND` elements: seven bits in each byte, least significant first, as
    /// in postcard.
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

    /// Writes the length of a run of at most `BOUND` bytes, and the bytes.
    #[inline]
    fn run<const BOUND: usize>(&mut self, bytes: &[u8]) {
        self.length::<BOUND>(bytes.len());
        self.bytes(bytes);
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

/// Copies bytes to a place of the same length. `copy_from_slice` has a panic, which `opt-level = "z"` links.
#[inline]
pub(crate) fn copy(bytes: &[u8], to: &mut [u8]) {
    for (place, byte) in to.iter_mut().zip(bytes) {
        *place = *byte;
    }
}

/// Copies bytes to a place of the same length, which is not known to the compiler.
#[inline]
pub(crate) fn copy_run(bytes: &[u8], to: &mut [u8]) {
    // A call for a short run takes longer than the copy. Small targets are short of flash.
    if cfg!(not(target_pointer_width = "64")) || bytes.len() > 16 {
        copy(bytes, to);
    } else if bytes.len() < 4 {
        if !bytes.is_empty() && !copy_ends::<2>(bytes, to) {
            copy_ends::<1>(bytes, to);
        }
    } else if !copy_ends::<8>(bytes, to) {
        copy_ends::<4>(bytes, to);
    }
}

/// Copies the first `N` bytes and the last `N`, which is all of a run of `N` to `2 * N` bytes. Returns `false` if the run is
/// shorter.
#[inline]
fn copy_ends<const N: usize>(bytes: &[u8], to: &mut [u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) else {
        return false;
    };
    if let Some(place) = to.first_chunk_mut::<N>() {
        *place = *first;
    }
    if let Some(place) = to.last_chunk_mut::<N>() {
        *place = *last;
    }
    true
}

/// Fills a buffer of exactly the announced length.
#[derive(Debug)]
pub(crate) struct SliceWriter<'a> {
    /// Empty after the first value that did not fit.
    rest: &'a mut [u8],
    /// By how many bytes the requested ones exceed the buffer.
    excess: usize,
    failure: Option<SaveError>,
}

impl<'a> SliceWriter<'a> {
    /// Creates a writer that fills `buffer`.
    #[must_use]
    pub(crate) const fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            rest: buffer,
            excess: 0,
            failure: None,
        }
    }

    /// Ends the writing of `announced` bytes.
    ///
    /// # Errors
    ///
    /// The error of [`fail`](Writer::fail), or `WrongLength` if fewer or more bytes were written.
    pub(crate) fn finish(self, announced: usize) -> Result<(), SaveError> {
        match self.failure {
            Some(kind) => Err(kind),
            None if self.rest.is_empty() && self.excess == 0 => Ok(()),
            None => Err(SaveError::WrongLength {
                announced,
                written: (announced - self.rest.len()).saturating_add(self.excess),
            }),
        }
    }
}

impl Writer for SliceWriter<'_> {
    // Errors are classified in `finish`, so each window is one comparison.
    #[inline]
    fn window<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        let rest = core::mem::take(&mut self.rest);
        let left = rest.len();
        if let Some((window, rest)) = rest.split_first_chunk_mut::<N>() {
            self.rest = rest;
            Some(window)
        } else {
            self.excess = self.excess.saturating_add(N - left);
            None
        }
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        let rest = core::mem::take(&mut self.rest);
        let left = rest.len();
        if let Some((window, rest)) = rest.split_at_mut_checked(bytes.len()) {
            copy_run(bytes, window);
            self.rest = rest;
        } else {
            self.excess = self.excess.saturating_add(bytes.len() - left);
        }
    }

    /// With one comparison for both, where the length has one byte.
    #[inline]
    fn run<const BOUND: usize>(&mut self, bytes: &[u8]) {
        if BOUND >= 0x80 {
            self.length::<BOUND>(bytes.len());
            return self.bytes(bytes);
        }
        let rest = core::mem::take(&mut self.rest);
        let (needed, left) = (bytes.len() + 1, rest.len());
        if let Some((window, rest)) = rest.split_at_mut_checked(needed)
            && let [length, place @ ..] = window
        {
            *length = bytes.len() as u8;
            copy_run(bytes, place);
            self.rest = rest;
        } else {
            self.excess = self.excess.saturating_add(needed - left);
        }
    }

    #[cold]
    fn fail(&mut self, kind: SaveError) {
        self.failure.get_or_insert(kind);
    }
}

/// Gathers short values in a small buffer and passes all bytes to a sink.
pub(crate) struct SinkWriter<'a> {
    buffer: &'a mut [u8],
    filled: usize,
    /// Bytes that have left the buffer, to the sink or dropped.
    gone: usize,
    sink: &'a mut dyn Sink,
    failure: Option<SaveError>,
}

/// A run of at least this many bytes goes to the sink without a copy into the buffer.
const DIRECT: usize = 256;

impl<'a> SinkWriter<'a> {
    /// Creates a writer that passes all bytes to `sink`. A window that is longer than `buffer` fails the writing.
    #[must_use]
    pub(crate) const fn new(buffer: &'a mut [u8], sink: &'a mut dyn Sink) -> Self {
        Self {
            buffer,
            filled: 0,
            gone: 0,
            sink,
            failure: None,
        }
    }

    /// Passes on the remaining bytes, and ends the writing of `announced` bytes.
    ///
    /// # Errors
    ///
    /// The error of [`fail`](Writer::fail), `BufferTooSmall` for a window that did not fit, `Sink` if the sink accepted no
    /// more bytes, or `WrongLength` if fewer or more bytes were written.
    pub(crate) fn finish(mut self, announced: usize) -> Result<(), SaveError> {
        self.flush();
        match self.failure {
            Some(kind) => Err(kind),
            None if self.gone == announced => Ok(()),
            None => Err(SaveError::WrongLength {
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
            self.failure = Some(SaveError::Sink);
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
                .get_or_insert(SaveError::BufferTooSmall { needed: N, available });
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
                copy(bytes, window);
                self.filled += bytes.len();
            }
            _ => {
                self.flush();
                self.gone = self.gone.saturating_add(bytes.len());
                if self.failure.is_none() && !self.sink.put(bytes) {
                    self.failure = Some(SaveError::Sink);
                }
            }
        }
    }

    #[cold]
    fn fail(&mut self, kind: SaveError) {
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

/// Returns the number of bytes that [`Writer::length`] writes for `length`. The
/// [`encoded_len`](crate::wire::Wire::encoded_len) of a sequence of at most `BOUND` elements includes it.
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
    fn a_sink_receives_all_bytes_in_order_through_a_small_buffer() {
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
    fn a_full_sink_fails_the_writing() {
        let mut buffer = [0; 16];
        let mut taken = Taken(Vec::new(), 20);
        let mut writer = SinkWriter::new(&mut buffer, &mut taken);
        for _ in 0..100 {
            writer.byte(1);
        }
        assert_eq!(writer.finish(100), Err(SaveError::Sink));
        assert_eq!(taken.0.len(), 32, "it is not called again after it has refused");
    }

    #[test]
    fn bytes_that_do_not_fit_are_counted() {
        let mut buffer = [0xa5; 4];
        let mut writer = SliceWriter::new(&mut buffer);
        writer.bytes(&[1, 2, 3]);
        assert!(writer.window::<2>().is_none());
        assert_eq!(
            writer.finish(4),
            Err(SaveError::WrongLength {
                announced: 4,
                written: 5
            })
        );
        assert_eq!(buffer, [1, 2, 3, 0xa5]);
    }
}
