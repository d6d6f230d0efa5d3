//! Writes snapshots: header, payload, checksum.

use crate::at::VersionOf;
use crate::checksum::{Checksum, Crc64};
use crate::codec::Wire;
use crate::error::SaveError;
use crate::header::Header;
use crate::mirror::Layout;
use crate::options::Options;
use crate::summing::{LARGE, SummingWriter};
use crate::writer::{Sink, SinkWriter, SliceWriter, Writer};

/// A value that is ready to be written. It is a value of the latest version, or a value that was translated to an older
/// release.
///
/// Only [`ReleaseTable::latest`](crate::ReleaseTable::latest) and the downgrades of
/// [`ReleaseTable`](crate::ReleaseTable) create it. So a value that was not translated is never written at an older
/// release. It can be written into a buffer, a stream or a sink.
///
/// - `'m`: how long the value is borrowed.
/// - `M`: the mirror.
/// - `V`: the release that the value was translated to: [`Newest`](crate::wire::Newest) or [`At`](crate::wire::At).
/// - `C`: the implementation of the checksum.
#[derive(Debug)]
#[must_use = "nothing is written before `save`, `write_to`, `write_into` or `encode`"]
pub struct Translated<'m, M, V, C = Crc64> {
    mirror: &'m M,
    at: V,
    options: Options<C>,
}

impl<'m, M, V: Copy> Translated<'m, M, V> {
    #[inline]
    pub(crate) const fn new(mirror: &'m M, at: V) -> Self {
        Self {
            mirror,
            at,
            options: Options::NATIVE,
        }
    }
}

impl<'m, M, V: Copy, C> Translated<'m, M, V, C> {
    /// Returns the same value with other options. The default is [`Options::NATIVE`].
    pub const fn with_options<D>(self, options: Options<D>) -> Translated<'m, M, V, D> {
        Translated {
            mirror: self.mirror,
            at: self.at,
            options,
        }
    }

    /// Returns the value as it will be written.
    #[must_use]
    pub const fn mirror(&self) -> &'m M {
        self.mirror
    }

    #[inline]
    pub(crate) const fn at(&self) -> V {
        self.at
    }
}

impl<M, V: VersionOf<M>, C: Checksum> Translated<'_, M, V, C> {
    /// Returns the exact length of the payload in bytes.
    #[must_use]
    pub fn payload_len<'de>(&self) -> usize
    where
        M: Wire<'de, V>,
    {
        self.mirror.encoded_len(self.at)
    }

    /// Returns the exact length of the snapshot in bytes: header, payload and checksum.
    #[must_use]
    pub fn snapshot_len<'de>(&self) -> usize
    where
        M: Wire<'de, V>,
    {
        self.payload_len().saturating_add(Header::LEN + Header::TRAILER_LEN)
    }

    /// Writes the snapshot to the start of `buffer`, and returns the written part.
    ///
    /// Nothing is allocated or copied: the fields go directly into the buffer.
    ///
    /// # Errors
    ///
    /// `BufferTooSmall` with both lengths, or `PayloadTooLong`. Nothing was written.
    ///
    /// `Foreign`, `ForeignChanges` or `Value` for a value that has no encoding. `WrongLength` if a hand-written encoder
    /// or a source writes more or less than it announced. After these errors the content of the buffer is meaningless.
    #[inline]
    pub fn save<'de, 'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], SaveError>
    where
        M: Wire<'de, V>,
    {
        let header = self.header()?;
        let needed = header.snapshot_len();
        let available = buffer.len();
        let too_small = SaveError::BufferTooSmall { needed, available };
        let Some((snapshot, _)) = buffer.split_at_mut_checked(needed) else {
            return Err(too_small);
        };
        let Some((summed, trailer)) = snapshot.split_last_chunk_mut::<{ Header::TRAILER_LEN }>() else {
            return Err(too_small);
        };
        let Some((start, payload)) = summed.split_first_chunk_mut::<{ Header::LEN }>() else {
            return Err(too_small);
        };
        *start = header.to_bytes();
        let announced = header.payload_len as usize;
        let checksum = if const { <M as Layout>::MAX_ENCODED_LEN > LARGE } && announced > LARGE {
            let mut digest = C::start();
            C::update(&mut digest, start);
            let mut writer = SummingWriter::<C>::new(payload, digest);
            self.mirror.encode(self.at, &mut writer);
            writer.finish(announced)?
        } else {
            fill(self.mirror, self.at, payload)?;
            C::checksum(summed)
        };
        *trailer = checksum.to_le_bytes();
        Ok(snapshot)
    }

    /// Writes the snapshot to a sink, front to back. `gather` collects short values. Long runs of bytes go directly from
    /// the mirror to the sink.
    ///
    /// The checksum covers the bytes passed to the sink, not what it stored. For memory that somebody else can write,
    /// read the snapshot back to verify it.
    ///
    /// # Errors
    ///
    /// `PayloadTooLong`, or `BufferTooSmall` if `gather` has less than 64 bytes. Nothing was written.
    ///
    /// After the following errors, the sink has the start of a snapshot. No reader accepts it. `Sink` if the sink
    /// accepted no more bytes. `BufferTooSmall` if neighbouring fields of fixed length together are longer than
    /// `gather`. The errors of [`save`](Self::save) for values that have no encoding, and `WrongLength`.
    pub fn write_into<'de>(&self, sink: &mut dyn Sink, gather: &mut [u8]) -> Result<(), SaveError>
    where
        M: Wire<'de, V>,
    {
        let header = self.header()?;
        let mut summing = Summing::<C> {
            digest: C::start(),
            sink,
        };
        if gather.len() < MIN_GATHER_LEN {
            return Err(SaveError::BufferTooSmall {
                needed: MIN_GATHER_LEN,
                available: gather.len(),
            });
        }
        let mut writer = SinkWriter::new(gather, &mut summing);
        writer.bytes(&header.to_bytes());
        self.mirror.encode(self.at, &mut writer);
        writer.finish(Header::LEN + header.payload_len as usize)?;
        let Summing { digest, sink } = summing;
        if sink.put(&C::finish(digest).to_le_bytes()) {
            Ok(())
        } else {
            Err(SaveError::Sink)
        }
    }

    /// Writes the payload alone, without header and checksum, to the start of `buffer`, and returns the written part.
    /// [`ReleaseTable::decode`](crate::ReleaseTable::decode) reads it.
    ///
    /// # Errors
    ///
    /// The errors of [`save`](Self::save).
    #[inline]
    pub fn encode<'de, 'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], SaveError>
    where
        M: Wire<'de, V>,
    {
        let needed = self.mirror.encoded_len(self.at);
        let available = buffer.len();
        let Some(payload) = buffer.get_mut(..needed) else {
            return Err(SaveError::BufferTooSmall { needed, available });
        };
        fill(self.mirror, self.at, payload)?;
        Ok(payload)
    }

    fn header<'de>(&self) -> Result<Header, SaveError>
    where
        M: Wire<'de, V>,
    {
        let len = self.mirror.encoded_len(self.at);
        let Ok(payload_len) = u32::try_from(len) else {
            return Err(SaveError::PayloadTooLong { len });
        };
        Ok(Header {
            architecture_code: self.options.architecture_code(),
            release: self.at.number(),
            payload_len,
            fingerprint: self.at.fingerprint(),
        })
    }
}

impl<M, V: Copy, C> Clone for Translated<'_, M, V, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, V: Copy, C> Copy for Translated<'_, M, V, C> {}

/// The longest payload in bytes that is written where `save` is called.
const LONG: usize = 256;

/// Writes a payload of exactly the length of `payload`.
///
/// A long one is written by a function of its own, which has the registers for itself.
#[inline]
fn fill<'de, V: VersionOf<M>, M: Wire<'de, V>>(mirror: &M, at: V, payload: &mut [u8]) -> Result<(), SaveError> {
    if const { cfg!(target_pointer_width = "64") && <M as Layout>::MAX_ENCODED_LEN > LONG } {
        fill_long(mirror, at, payload)
    } else {
        fill_here(mirror, at, payload)
    }
}

#[inline(never)]
fn fill_long<'de, V: VersionOf<M>, M: Wire<'de, V>>(mirror: &M, at: V, payload: &mut [u8]) -> Result<(), SaveError> {
    fill_here(mirror, at, payload)
}

#[inline]
fn fill_here<'de, V: VersionOf<M>, M: Wire<'de, V>>(mirror: &M, at: V, payload: &mut [u8]) -> Result<(), SaveError> {
    let announced = payload.len();
    let mut writer = SliceWriter::new(payload);
    mirror.encode(at, &mut writer);
    writer.finish(announced)
}

/// The minimum length of a gathering buffer. Neighbouring fields of fixed length share a window, so mirrors with long
/// runs of them need more.
const MIN_GATHER_LEN: usize = 64;

/// A sink that computes the checksum of the bytes that it passes on.
struct Summing<'s, C: Checksum> {
    digest: C::Digest,
    sink: &'s mut dyn Sink,
}

impl<C: Checksum> Sink for Summing<'_, C> {
    fn put(&mut self, bytes: &[u8]) -> bool {
        C::update(&mut self.digest, bytes);
        self.sink.put(bytes)
    }
}

/// Returns the maximum length in bytes of a snapshot of the mirror `M`, at any version. Use it for the length of a
/// buffer or a partition, or as a limit when you read a file. [`buffer!`](crate::buffer) uses it.
///
/// A snapshot can be shorter. A nested mirror with a row in the table counts with its longest version, even if no
/// release combines these versions. A part counts with the version that its owner gives it. If a snapshot could be
/// longer than `usize` can express, the call does not compile.
#[must_use]
pub const fn max_snapshot_len<M: Layout>() -> usize {
    const {
        match M::MAX_ENCODED_LEN.checked_add(Header::LEN + Header::TRAILER_LEN) {
            Some(len) => len,
            None => {
                panic!("a snapshot of this mirror can be longer than `usize` can express: give its fields lower bounds")
            }
        }
    }
}

/// Creates a byte array that is long enough for every snapshot of a mirror.
///
/// A second argument sets the length of the array. If it is too short for some snapshot, the code does not compile.
///
/// ```
/// use devstate_versioning::{Versioned, buffer, max_snapshot_len};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct TimerSer {
///     pub count: u32,
/// }
///
/// assert_eq!(buffer!(TimerSer).len(), max_snapshot_len::<TimerSer>());
/// static mut SNAPSHOT: [u8; 64] = buffer!(TimerSer, 64);
/// ```
///
/// The following code does not compile, because a snapshot has 36 bytes:
///
/// ```compile_fail
/// # use devstate_versioning::{Versioned, buffer};
/// # #[derive(Versioned, Clone, Debug, Default)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
/// let buffer = buffer!(TimerSer, 32);
/// ```
#[macro_export]
macro_rules! buffer {
    ($mirror:ty) => {
        [0u8; $crate::max_snapshot_len::<$mirror>()]
    };
    ($mirror:ty, $length:expr) => {{
        const _: () = $crate::__private::check_buffer(
            ::core::stringify!($mirror),
            $length,
            $crate::max_snapshot_len::<$mirror>(),
        );
        [0u8; $length]
    }};
}
