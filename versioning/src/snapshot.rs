//! Snapshots in the caller's buffer: header, payload, checksum.

use core::marker::PhantomData;

use devstate_core::{Region, Sealed};

use crate::architecture::Architecture;
use crate::checksum::{Checksum, Crc64};
use crate::downgrade;
use crate::error::{Error, ErrorKind};
use crate::header::{HEADER_LEN, Header, TRAILER_LEN};
use crate::loss::Loss;
use crate::path::FieldPath;
use crate::reader::Reader;
use crate::release::{Latest, VersionOf};
use crate::summing::{LARGE, SummingWriter};
use crate::wire::{Layout, Wire};
use crate::writer::{Sink, SinkWriter, SliceWriter, Writer};

/// How snapshots are written and read: for which architecture, and with which implementation of the checksum.
///
/// The functions [`save`], [`save_as`], [`save_lossy`], [`save_widest`] and [`load`] use [`Container::NATIVE`].
///
/// ```
/// use devstate_versioning::{Architecture, Container, Crc64NoTable, Header};
/// # use devstate_versioning::{Versioned, buffer, release_table};
/// # #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
/// # release_table! { pub enum Release { V1 = 1 @ open } TimerSer => [1], }
///
/// const CONTAINER: Container<Crc64NoTable> = Container::new(Architecture::Any);
///
/// let mut buffer = buffer!(TimerSer);
/// let snapshot = CONTAINER.save::<Release, _>(&TimerSer { count: 7 }, &mut buffer)?;
/// assert_eq!(Header::peek(&snapshot)?.architecture_code, Architecture::Any.code());
/// # Ok::<(), devstate_versioning::Error>(())
/// ```
#[derive(Debug)]
pub struct Container<C = Crc64> {
    architecture: Architecture,
    foreign_architectures: bool,
    checksum: PhantomData<C>,
}

impl Container {
    /// Snapshots of the architecture that this build runs on.
    pub const NATIVE: Self = Self::new(Architecture::NATIVE);
}

impl<C> Container<C> {
    /// Snapshots of one architecture.
    #[must_use]
    pub const fn new(architecture: Architecture) -> Self {
        Self {
            architecture,
            foreign_architectures: false,
            checksum: PhantomData,
        }
    }

    /// The same, which also loads snapshots of other architectures.
    #[must_use]
    pub const fn load_any_architecture(self) -> Self {
        Self {
            foreign_architectures: true,
            ..self
        }
    }
}

impl<C: Checksum> Container<C> {
    /// Writes `mirror` at the latest release to the start of `buffer`.
    ///
    /// # Errors
    ///
    /// As [`save`].
    pub fn save<'de, 'b, R, M>(self, mirror: &M, buffer: &'b mut [u8]) -> Result<Region<'b, Sealed>, Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, Latest<R>>,
        Latest<R>: VersionOf<M>,
    {
        self.write(mirror, Latest::<R>::RELEASE, buffer)
    }

    /// Writes `mirror` at any release, if nothing is lost by that.
    ///
    /// # Errors
    ///
    /// As [`save_as`].
    pub fn save_as<'de, 'b, R, M>(
        self,
        mirror: &M,
        release: R,
        buffer: &'b mut [u8],
    ) -> Result<Region<'b, Sealed>, Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, R> + Clone,
    {
        if release == R::LATEST {
            return self.write(mirror, release, buffer);
        }
        self.save_as_in(mirror, release, buffer, &mut mirror.clone())
    }

    /// [`save_as`](Self::save_as) with the caller's memory for the translated copy; what stands in `scratch` does not
    /// matter.
    ///
    /// # Errors
    ///
    /// As [`save_as`].
    pub fn save_as_in<'de, 'b, R, M>(
        self,
        mirror: &M,
        release: R,
        buffer: &'b mut [u8],
        scratch: &mut M,
    ) -> Result<Region<'b, Sealed>, Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, R> + Clone,
    {
        downgrade::lower_lossless(mirror, release, scratch)?;
        self.write(scratch, release, buffer)
    }

    /// Writes `mirror` at any release and tells `visit` of each field that is lost by that.
    ///
    /// # Errors
    ///
    /// As [`save_lossy`].
    pub fn save_lossy<'de, 'b, R, M>(
        self,
        mirror: &M,
        release: R,
        buffer: &'b mut [u8],
        visit: &mut dyn FnMut(&Loss),
    ) -> Result<Region<'b, Sealed>, Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, R> + Clone,
    {
        downgrade::require_mirror::<R, M>(release)?;
        let scratch = &mut mirror.clone();
        downgrade::plan_in(mirror, release, scratch, visit)?;
        self.write_lowered(mirror, release, buffer, scratch)
    }

    /// Writes `mirror` at the oldest release, from `oldest` on, that loses nothing.
    ///
    /// # Errors
    ///
    /// As [`save_widest`].
    pub fn save_widest<'de, 'b, R, M>(
        self,
        mirror: &M,
        oldest: R,
        buffer: &'b mut [u8],
    ) -> Result<(R, Region<'b, Sealed>), Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, R> + Clone,
    {
        let scratch = &mut mirror.clone();
        let release = downgrade::widest_in(mirror, oldest, scratch);
        Ok((release, self.write_lowered(mirror, release, buffer, scratch)?))
    }

    /// Reads a snapshot of any release that the table has into `mirror`.
    ///
    /// # Errors
    ///
    /// As [`load`].
    pub fn load<'de, R, M>(self, snapshot: &'de [u8], mirror: &mut M) -> Result<R, Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, R>,
    {
        let (header, payload) = self.verify(snapshot)?;
        let release = release_of::<R, M>(&header)?;
        decode(payload, HEADER_LEN, release, mirror)?;
        mirror.raise(release)?;
        Ok(release)
    }

    /// Checks everything about a snapshot that can be checked without knowing its payload's type: magic, architecture,
    /// format, length and checksum. Gives the header and the payload.
    ///
    /// # Errors
    ///
    /// `Truncated`, `Magic`, `Architecture`, `Format`, `TrailingBytes` or `Checksum`.
    pub fn verify(self, snapshot: &[u8]) -> Result<(Header, &[u8]), Error> {
        let header = Header::peek(snapshot)?;
        self.check_architecture(&header)?;
        let needed = header.snapshot_len();
        let available = snapshot.len();
        if available > needed {
            return Err(ErrorKind::TrailingBytes {
                bytes: available - needed,
            }
            .at(needed));
        }
        let truncated = ErrorKind::Truncated { needed, available }.at(0);
        if available < needed {
            return Err(truncated);
        }
        let Some((summed, trailer)) = snapshot.split_last_chunk::<TRAILER_LEN>() else {
            return Err(truncated);
        };
        let Some((_, payload)) = summed.split_first_chunk::<HEADER_LEN>() else {
            return Err(truncated);
        };
        let expected = u64::from_le_bytes(*trailer);
        let found = C::checksum(summed);
        if expected != found {
            return Err(ErrorKind::Checksum { expected, found }.at(summed.len()));
        }
        Ok((header, payload))
    }

    pub(crate) fn check_architecture(self, header: &Header) -> Result<(), Error> {
        let code = header.architecture_code;
        if self.foreign_architectures || code == self.architecture.code() || code == Architecture::Any.code() {
            return Ok(());
        }
        Err(ErrorKind::Architecture {
            expected: self.architecture,
            found: code,
        }
        .at(7))
    }

    /// Lowers a fresh copy in `scratch` and writes it.
    fn write_lowered<'de, 'b, R, M>(
        self,
        mirror: &M,
        release: R,
        buffer: &'b mut [u8],
        scratch: &mut M,
    ) -> Result<Region<'b, Sealed>, Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, R> + Clone,
    {
        scratch.clone_from(mirror);
        scratch.lower(release)?;
        self.write(scratch, release, buffer)
    }

    /// The byte layer: writes a mirror that has been lowered to the release, or is at the latest.
    fn write<'de, 'b, R, M>(self, mirror: &M, release: R, buffer: &'b mut [u8]) -> Result<Region<'b, Sealed>, Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, R>,
    {
        let header = self.header(mirror, release)?;
        let needed = header.snapshot_len();
        let available = buffer.len();
        let too_small = ErrorKind::BufferTooSmall { needed, available }.at(0);
        let Some((snapshot, _)) = buffer.split_at_mut_checked(needed) else {
            return Err(too_small);
        };
        let Some((summed, trailer)) = snapshot.split_last_chunk_mut::<TRAILER_LEN>() else {
            return Err(too_small);
        };
        let Some((start, payload)) = summed.split_first_chunk_mut::<HEADER_LEN>() else {
            return Err(too_small);
        };
        *start = header.to_bytes();
        let announced = header.payload_len as usize;
        let checksum = if const { M::MAX_ENCODED_LEN > LARGE } && announced > LARGE {
            let mut digest = C::start();
            C::update(&mut digest, start);
            let mut writer = SummingWriter::<C>::new(payload, digest);
            mirror.encode(release, &mut writer);
            writer.finish(announced)?
        } else {
            let mut writer = SliceWriter::new(payload);
            mirror.encode(release, &mut writer);
            writer.finish(announced)?;
            C::checksum(summed)
        };
        *trailer = checksum.to_le_bytes();
        Ok(Region::from(snapshot).seal())
    }

    /// The byte layer into a sink: hands a snapshot of `mirror`, which has been lowered to the release or is at the
    /// latest, to `sink`, front to back. `buffer` gathers what is short; long runs of bytes go straight from the mirror
    /// into the sink.
    ///
    /// The checksum is that of the bytes that were meant, not of what the sink made of them: for memory that someone
    /// else can write, reading it back tells.
    ///
    /// # Errors
    ///
    /// `NotInRelease`, `PayloadTooLong`, or `BufferTooSmall` for a buffer of less than 64 bytes, with nothing written.
    /// With the start of a snapshot written, which no reader accepts: `Sink` where it took no more, `BufferTooSmall` for
    /// neighbouring fields of fixed length that together are longer than the buffer, and what [`save`] lists for
    /// values that cannot be written.
    pub fn save_into<'de, R, M>(
        self,
        mirror: &M,
        release: R,
        buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Result<(), Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, R>,
    {
        let header = self.header(mirror, release)?;
        let mut summing = Summing::<C> {
            digest: C::start(),
            sink,
        };
        if buffer.len() < MIN_GATHER_LEN {
            return Err(ErrorKind::BufferTooSmall {
                needed: MIN_GATHER_LEN,
                available: buffer.len(),
            }
            .at(0));
        }
        let mut writer = SinkWriter::new(buffer, &mut summing);
        writer.bytes(&header.to_bytes());
        mirror.encode(release, &mut writer);
        writer.finish(HEADER_LEN + header.payload_len as usize)?;
        let Summing { digest, sink } = summing;
        if sink.put(&C::finish(digest).to_le_bytes()) {
            Ok(())
        } else {
            Err(ErrorKind::Sink.at(0))
        }
    }

    /// The header of a snapshot of `mirror`, which has been lowered to the release or is at the latest.
    fn header<'de, R, M>(self, mirror: &M, release: R) -> Result<Header, Error>
    where
        R: VersionOf<M>,
        M: Wire<'de, R>,
    {
        downgrade::require_mirror::<R, M>(release)?;
        let len = mirror.encoded_len(release);
        let Ok(payload_len) = u32::try_from(len) else {
            return Err(ErrorKind::PayloadTooLong { len }.at(0));
        };
        Ok(Header {
            architecture_code: self.architecture.code(),
            release: release.number(),
            payload_len,
            fingerprint: release.fingerprint(),
        })
    }
}

/// The least that a buffer before a sink may have. Fixed fields that follow each other share a window, so mirrors with
/// long runs of them need more, and say so.
const MIN_GATHER_LEN: usize = 64;

/// A sink that sums what passes through it.
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

impl<C> Clone for Container<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Container<C> {}

/// Writes `mirror` at the latest release to the start of `buffer`, and gives the part that was written, read-only.
///
/// Nothing is allocated and nothing copied: the fields go straight into the buffer.
///
/// # Errors
///
/// `BufferTooSmall` with both sizes, or `PayloadTooLong`; nothing has been written. [`buffer!`](crate::buffer) makes one
/// that is never too small.
///
/// Some values have no encoding, and the buffer's content means nothing then: `Foreign` for a foreign one beyond its
/// maximum, `Value` for a variant that the latest version no longer has and for a [`Sequence`](crate::Sequence) beyond
/// its bound, `WrongLength` where a hand-written encoder or a source contradicts itself.
pub fn save<'de, 'b, R, M>(mirror: &M, buffer: &'b mut [u8]) -> Result<Region<'b, Sealed>, Error>
where
    R: VersionOf<M>,
    M: Wire<'de, Latest<R>>,
    Latest<R>: VersionOf<M>,
{
    Container::NATIVE.save::<R, M>(mirror, buffer)
}

/// Writes `mirror` at any release, if nothing is lost by that: what an older build loads is equal to what was saved.
///
/// Semantic functions may have translated it on the way. An older release takes a copy of the mirror on the stack;
/// [`Container::save_as_in`] takes the caller's memory for it.
///
/// # Errors
///
/// `Lossy` with the first field that would be lost, `Refused` by a semantic function, `NotInRelease`: nothing has been
/// written. Otherwise as [`save`].
pub fn save_as<'de, 'b, R, M>(mirror: &M, release: R, buffer: &'b mut [u8]) -> Result<Region<'b, Sealed>, Error>
where
    R: VersionOf<M>,
    M: Wire<'de, R> + Clone,
{
    Container::NATIVE.save_as(mirror, release, buffer)
}

/// Writes `mirror` at any release and tells `visit` of each field that is lost by that.
///
/// # Errors
///
/// `Refused` by a semantic function, `NotInRelease`: nothing has been written. Otherwise as [`save`].
pub fn save_lossy<'de, 'b, R, M>(
    mirror: &M,
    release: R,
    buffer: &'b mut [u8],
    visit: &mut dyn FnMut(&Loss),
) -> Result<Region<'b, Sealed>, Error>
where
    R: VersionOf<M>,
    M: Wire<'de, R> + Clone,
{
    Container::NATIVE.save_lossy(mirror, release, buffer, visit)
}

/// Writes `mirror` at the oldest release, from `oldest` on, that loses nothing, so that as many readers as possible
/// can read it. Fields marked as ignorable do not count as lost.
///
/// # Errors
///
/// As [`save_as`] for the latest release, which has every mirror and loses nothing.
pub fn save_widest<'de, 'b, R, M>(mirror: &M, oldest: R, buffer: &'b mut [u8]) -> Result<(R, Region<'b, Sealed>), Error>
where
    R: VersionOf<M>,
    M: Wire<'de, R> + Clone,
{
    Container::NATIVE.save_widest(mirror, oldest, buffer)
}

/// Reads a snapshot of any release that the table has into `mirror`, and gives the release that it was written at.
///
/// The checksum is verified before anything is decoded; then every byte must be one that the encoder writes. `mirror`
/// is scratch: after an error its content means nothing. The device itself is not touched until everything has been
/// loaded and validated.
///
/// # Errors
///
/// Everything that can be wrong with a snapshot; see [`ErrorKind`].
pub fn load<'de, R, M>(snapshot: &'de [u8], mirror: &mut M) -> Result<R, Error>
where
    R: VersionOf<M>,
    M: Wire<'de, R>,
{
    Container::NATIVE.load(snapshot, mirror)
}

/// The exact bytes of a snapshot of `mirror` at a release, before any semantic function has changed it; `None` where the
/// release has no such mirror, and so no snapshot.
pub fn encoded_len<'de, R, M>(mirror: &M, release: R) -> Option<usize>
where
    R: VersionOf<M>,
    M: Wire<'de, R>,
{
    downgrade::require_mirror::<R, M>(release).ok()?;
    Some(mirror.encoded_len(release).saturating_add(HEADER_LEN + TRAILER_LEN))
}

/// The most bytes that a snapshot of the mirror `M` takes, at any release.
#[must_use]
pub const fn max_snapshot_len<M: Layout>() -> usize {
    HEADER_LEN + M::MAX_ENCODED_LEN + TRAILER_LEN
}

/// An array that holds any snapshot of a mirror; with a length, one of that length, which must suffice.
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

/// The release of a header that belongs to the mirror `M`.
pub(crate) fn release_of<R, M>(header: &Header) -> Result<R, Error>
where
    R: VersionOf<M>,
{
    let found = header.release;
    let Some(release) = R::from_number(found) else {
        let newest = R::LATEST.number();
        let kind = if found > newest {
            ErrorKind::NewerRelease { found, newest }
        } else {
            ErrorKind::UnknownRelease { found }
        };
        return Err(kind.at(10));
    };
    if release.version() == 0 {
        return Err(ErrorKind::NotInRelease { release: found }.at(10));
    }
    let expected = release.fingerprint();
    if header.fingerprint != expected {
        return Err(ErrorKind::Fingerprint {
            expected,
            found: header.fingerprint,
        }
        .at(16));
    }
    Ok(release)
}

/// The byte layer of loading: fills `mirror` with exactly what stands in `payload`, untranslated.
#[inline]
pub(crate) fn decode<'de, R, M>(payload: &'de [u8], offset: usize, release: R, mirror: &mut M) -> Result<(), Error>
where
    R: Copy,
    M: Wire<'de, R>,
{
    let mut reader = Reader::at(payload, offset);
    match mirror.decode_into(release, &mut reader) {
        Ok(()) => reader.finish(),
        Err(malformed) => Err(reader.error(malformed)),
    }
}

const _: () = assert!(size_of::<FieldPath>() <= 20, "errors are small");
