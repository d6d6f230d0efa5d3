//! Snapshots through byte streams, with the caller's buffer between.

use core::fmt;

use embedded_io::{Read, ReadExactError, Write};

use crate::checksum::Checksum;
use crate::downgrade;
use crate::error::{Error, ErrorKind};
use crate::header::{HEADER_LEN, Header};
use crate::release::{Latest, VersionOf};
use crate::snapshot::Container;
use crate::wire::Wire;
use crate::writer::Sink;

/// Why a snapshot could not go through a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StreamError<E> {
    /// The snapshot is at fault, or the buffer.
    Snapshot(Error),
    /// The stream reported an error.
    Io(E),
    /// The stream ended in the middle of a snapshot, or took no more bytes.
    Ended,
}

impl<E> From<Error> for StreamError<E> {
    fn from(error: Error) -> Self {
        Self::Snapshot(error)
    }
}

impl<E: fmt::Display> fmt::Display for StreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(error) => error.fmt(f),
            Self::Io(error) => write!(f, "stream: {error}"),
            Self::Ended => f.write_str("the stream ended in the middle of a snapshot, or took no more of it"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for StreamError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Snapshot(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Ended => None,
        }
    }
}

impl<C: Checksum> Container<C> {
    /// Writes a snapshot of the latest release to `stream`, gathered in `buffer`, which may be smaller than it:
    /// at least 64 bytes, and the longest run of fixed-length fields of one mirror must fit.
    ///
    /// # Errors
    ///
    /// `Snapshot` as [`save`](crate::save); `Io` or `Ended` from the stream, which then has the start of a snapshot that
    /// no reader accepts.
    pub fn save_to<'de, R, M, W>(
        self,
        mirror: &M,
        buffer: &mut [u8],
        stream: &mut W,
    ) -> Result<(), StreamError<W::Error>>
    where
        R: VersionOf<M>,
        M: Wire<'de, Latest<R>>,
        Latest<R>: VersionOf<M>,
        W: Write,
    {
        let mut sink = StreamSink { stream, error: None };
        let saved = self.save_into(mirror, Latest::<R>::RELEASE, buffer, &mut sink);
        sink.end(saved)
    }

    /// Writes a snapshot of any release to `stream`, if nothing is lost by that.
    ///
    /// # Errors
    ///
    /// `Snapshot` as [`save_as`](crate::save_as), with nothing sent where the downgrade is refused; `Io` or `Ended` from
    /// the stream.
    pub fn save_as_to<'de, R, M, W>(
        self,
        mirror: &M,
        release: R,
        buffer: &mut [u8],
        stream: &mut W,
    ) -> Result<(), StreamError<W::Error>>
    where
        R: VersionOf<M>,
        M: Wire<'de, R> + Clone,
        W: Write,
    {
        let mut lowered = mirror.clone();
        downgrade::lower_lossless(mirror, release, &mut lowered)?;
        let mut sink = StreamSink { stream, error: None };
        let saved = self.save_into(&lowered, release, buffer, &mut sink);
        sink.end(saved)
    }

    /// Reads exactly one snapshot from `stream` into `buffer` and loads it from there.
    ///
    /// The header is read and checked first: one that announces more than the buffer holds is refused before anything
    /// else is read.
    ///
    /// # Errors
    ///
    /// `Snapshot` as [`load`](crate::load), or with `BufferTooSmall`; `Io` or `Ended` from the stream.
    pub fn load_from<'de, R, M, S>(
        self,
        stream: &mut S,
        buffer: &'de mut [u8],
        mirror: &mut M,
    ) -> Result<R, StreamError<S::Error>>
    where
        R: VersionOf<M>,
        M: Wire<'de, R>,
        S: Read,
    {
        let available = buffer.len();
        let too_small = |needed| Error::from(ErrorKind::BufferTooSmall { needed, available });
        let (start, _) = buffer.split_at_mut_checked(HEADER_LEN).ok_or(too_small(HEADER_LEN))?;
        receive(start, stream)?;
        let header = Header::peek(start)?;
        self.check_architecture(&header)?;
        let needed = header.snapshot_len();
        let (snapshot, _) = buffer.split_at_mut_checked(needed).ok_or(too_small(needed))?;
        let (_, rest) = snapshot.split_at_mut_checked(HEADER_LEN).ok_or(too_small(needed))?;
        receive(rest, stream)?;
        Ok(self.load(snapshot, mirror)?)
    }
}

/// A byte stream as a sink, and why it took no more.
struct StreamSink<'s, W: Write> {
    stream: &'s mut W,
    error: Option<StreamError<W::Error>>,
}

impl<W: Write> StreamSink<'_, W> {
    fn end(self, saved: Result<(), Error>) -> Result<(), StreamError<W::Error>> {
        match self.error {
            Some(error) => Err(error),
            None => {
                saved?;
                self.stream.flush().map_err(StreamError::Io)
            }
        }
    }
}

impl<W: Write> Sink for StreamSink<'_, W> {
    fn put(&mut self, mut bytes: &[u8]) -> bool {
        // Not `write_all`, which panics where a writer takes nothing.
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

fn receive<S: Read>(bytes: &mut [u8], stream: &mut S) -> Result<(), StreamError<S::Error>> {
    stream.read_exact(bytes).map_err(|error| match error {
        ReadExactError::UnexpectedEof => StreamError::Ended,
        ReadExactError::Other(error) => StreamError::Io(error),
    })
}
