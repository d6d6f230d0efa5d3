//! Snapshots through byte streams.

use core::fmt;

use embedded_io::{Read, ReadExactError, Write};

use crate::at::VersionOf;
use crate::checksum::Checksum;
use crate::codec::Wire;
use crate::error::{LoadError, LoadErrorKind, SaveError};
use crate::header::Header;
use crate::options::Options;
use crate::snapshot::Translated;
use crate::writer::Sink;

/// Why a snapshot could not be written to a stream or read from it. `S` is [`SaveError`] or [`LoadError`], and `E` is
/// the error of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StreamError<S, E> {
    /// The snapshot or the buffer is wrong.
    Snapshot(S),
    /// The stream reported an error.
    Io(E),
    /// The stream ended in the middle of a snapshot, or accepted no more bytes.
    Ended,
}

impl<S, E> From<S> for StreamError<S, E> {
    fn from(error: S) -> Self {
        Self::Snapshot(error)
    }
}

impl<S: fmt::Display, E: fmt::Display> fmt::Display for StreamError<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(error) => error.fmt(f),
            Self::Io(error) => write!(f, "stream: {error}"),
            Self::Ended => f.write_str("the stream ended in the middle of a snapshot, or accepted no more bytes"),
        }
    }
}

impl<S, E> core::error::Error for StreamError<S, E>
where
    S: core::error::Error + 'static,
    E: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Snapshot(error) => error.source(),
            Self::Io(error) => error.source(),
            Self::Ended => None,
        }
    }
}

impl<M, V: VersionOf<M>, C: Checksum> Translated<'_, M, V, C> {
    /// Writes the snapshot to `stream` and flushes it. `gather` collects short values and may be shorter than the
    /// snapshot: 64 bytes are the minimum, and the longest run of fixed-length fields of one mirror must fit.
    ///
    /// # Errors
    ///
    /// `Snapshot` with an error of [`write_into`](Self::write_into). `Io` or `Ended` from the stream. After an error,
    /// the stream may contain the start of a snapshot. No reader accepts it.
    pub fn write_to<'de, W>(&self, stream: &mut W, gather: &mut [u8]) -> Result<(), StreamError<SaveError, W::Error>>
    where
        M: Wire<'de, V>,
        W: Write,
    {
        let mut sink = StreamSink { stream, error: None };
        let written = self.write_into(&mut sink, gather);
        match sink.error {
            Some(error) => Err(error),
            None => {
                written?;
                sink.stream.flush().map_err(StreamError::Io)
            }
        }
    }
}

impl<C: Checksum> Options<C> {
    /// Reads exactly one snapshot from `stream` into the start of `buffer`, and returns it.
    /// [`ReleaseTable::load_with`](crate::ReleaseTable::load_with) loads it.
    ///
    /// The header is read and checked first: a snapshot that is longer than the buffer is refused before anything else is
    /// read.
    ///
    /// ```
    /// use devstate_versioning::{Options, ReleaseTable, buffer};
    /// # use devstate_versioning::{Versioned, release_table};
    /// # #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    /// # #[versioned(version = 1, layouts(open))]
    /// # pub struct TimerSer { pub count: u32 }
    /// # release_table! { pub enum Release { V1 = 1 @ open } TimerSer => [1], }
    ///
    /// // A byte slice is a stream: it is written from the front, and read from the front.
    /// let mut memory = [0; 64];
    /// let mut gather = [0; 64];
    /// Release::latest(&TimerSer { count: 7 }).write_to(&mut &mut memory[..], &mut gather)?;
    ///
    /// let mut buffer = buffer!(TimerSer);
    /// let snapshot = Options::NATIVE.read_from(&mut &memory[..], &mut buffer)?;
    /// let mut timer = TimerSer::default();
    /// Release::load_with(Options::NATIVE, snapshot, &mut timer)?;
    /// assert_eq!(timer, TimerSer { count: 7 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Snapshot` with `Magic`, `Format`, `Architecture` or `BufferTooSmall`. `Io` or `Ended` from the stream.
    pub fn read_from<'b, S>(
        self,
        stream: &mut S,
        buffer: &'b mut [u8],
    ) -> Result<&'b [u8], StreamError<LoadError, S::Error>>
    where
        S: Read,
    {
        let available = buffer.len();
        let too_small = |needed| LoadErrorKind::BufferTooSmall { needed, available }.without_offset();
        let (start, _) = buffer.split_at_mut_checked(Header::LEN).ok_or(too_small(Header::LEN))?;
        receive(start, stream)?;
        let header = Header::peek(start)?;
        self.check_architecture(&header)?;
        let needed = header.snapshot_len();
        let (snapshot, _) = buffer.split_at_mut_checked(needed).ok_or(too_small(needed))?;
        let (_, rest) = snapshot.split_at_mut_checked(Header::LEN).ok_or(too_small(needed))?;
        receive(rest, stream)?;
        Ok(snapshot)
    }
}

/// A byte stream as a sink. It keeps the error of the stream.
struct StreamSink<'s, W: Write> {
    stream: &'s mut W,
    error: Option<StreamError<SaveError, W::Error>>,
}

impl<W: Write> Sink for StreamSink<'_, W> {
    fn put(&mut self, mut bytes: &[u8]) -> bool {
        // Not `write_all`: it panics if a writer accepts nothing.
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(taken @ 1..) => bytes = bytes.get(taken..).unwrap_or_default(),
                Ok(0) => self.error = Some(StreamError::Ended),
                Err(error) => self.error = Some(StreamError::Io(error)),
            }
            if self.error.is_some() {
                return false;
            }
        }
        true
    }
}

fn receive<S: Read>(bytes: &mut [u8], stream: &mut S) -> Result<(), StreamError<LoadError, S::Error>> {
    stream.read_exact(bytes).map_err(|error| match error {
        ReadExactError::UnexpectedEof => StreamError::Ended,
        ReadExactError::Other(error) => StreamError::Io(error),
    })
}
