//! Release tables: saving, loading and translating with the versions of one application.

use crate::at::{At, Newest, RowOf, Versions};
use crate::checksum::Checksum;
use crate::codec::{MirrorOf, Wire};
use crate::downgrade;
use crate::error::{ConversionError, LoadError, LoadErrorKind, SaveError};
use crate::header::Header;
use crate::loss::{Differ, Loss};
use crate::options::Options;
use crate::reader::Reader;
use crate::snapshot::Translated;
use crate::table::TableData;

/// Saves, loads and translates mirrors with the releases of one application. [`release_table!`](crate::release_table)
/// declares an enum that implements it.
///
/// | to | call |
/// |---|---|
/// | write at the latest release | [`save`](Self::save), or [`latest`](Self::latest) for a stream, a sink or other options |
/// | write at an older release | a downgrade, then [`Translated::save`] |
/// | … and refuse every loss | [`downgrade`](Self::downgrade) |
/// | … and accept some losses | [`downgrade_lossy`](Self::downgrade_lossy) |
/// | … that as many readers as possible can read | [`downgrade_compatible`](Self::downgrade_compatible) |
/// | know what a downgrade loses | [`losses`](Self::losses) |
/// | read any release | [`load`](Self::load), [`load_with`](Self::load_with) |
///
/// ```
/// use devstate_versioning::{Mirror, ReleaseTable, SaveError, Versioned, buffer, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// #[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
/// pub struct TimerSer {
///     pub count: u32,
///     #[versioned(start = 2)]
///     pub prescaler: u8,
/// }
///
/// release_table! {
///     pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ open }
///     TimerSer => [1, 2],
/// }
///
/// let mut memory = buffer!(TimerSer);
/// let mut scratch = TimerSer::default();
///
/// // The prescaler is lost at release 1.
/// let timer = TimerSer { count: 7, prescaler: 3 };
/// let error = Release::V1_0.downgrade(&timer, &mut scratch).unwrap_err();
/// let SaveError::Lossy { field, .. } = error else { panic!("{error}") };
/// assert_eq!(field.display(TimerSer::SCHEMA).to_string(), "prescaler");
///
/// // Without one nothing is lost.
/// let timer = TimerSer { count: 7, prescaler: 0 };
/// let older = Release::V1_0.downgrade(&timer, &mut scratch)?;
/// let snapshot = older.save(&mut memory)?;
///
/// let mut loaded = TimerSer::default();
/// assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V1_0));
/// assert_eq!(loaded, timer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ReleaseTable: TableData {
    /// Writes `mirror` at the latest release to the start of `buffer`, and returns the written part. The options are
    /// [`Options::NATIVE`](crate::Options::NATIVE).
    ///
    /// [`buffer!`](crate::buffer) creates a buffer that is long enough.
    ///
    /// # Errors
    ///
    /// The errors of [`Translated::save`].
    #[inline]
    fn save<'de, 'b, M>(mirror: &M, buffer: &'b mut [u8]) -> Result<&'b [u8], SaveError>
    where
        M: MirrorOf<'de, Self>,
    {
        Self::latest(mirror).save(buffer)
    }

    /// Prepares `mirror` for writing at the latest release. Use it to write into a stream or a sink, or with other
    /// options.
    #[inline]
    fn latest<'m, 'de, M>(mirror: &'m M) -> Translated<'m, M, Newest<Self>>
    where
        M: MirrorOf<'de, Self>,
    {
        Translated::new(mirror, Newest::new())
    }

    /// Translates `mirror` to this release, and refuses every loss.
    ///
    /// A downgrade loses nothing if an older build can load the value and save it again, and the result is equal to
    /// `mirror`. Skipped fields are not compared. The translated value goes into `scratch`, and the old content of
    /// `scratch` does not matter. For a small mirror pass `&mut mirror.clone()`, which is on the stack. For a large one use
    /// a `static` or the heap.
    ///
    /// # Errors
    ///
    /// `Lossy` with the first field that would be lost, `NotInRelease`, or `Conversion` from a semantic function.
    fn downgrade<'m, 'de, M>(self, mirror: &M, scratch: &'m mut M) -> Result<Translated<'m, M, At<Self>>, SaveError>
    where
        M: MirrorOf<'de, Self>,
    {
        self.downgrade_lossy(mirror, scratch, &mut |_| false)
    }

    /// Translates `mirror` to this release. `accept` is called with each loss, and returns `true` to accept it.
    ///
    /// # Errors
    ///
    /// `Lossy` with the first field whose loss is not accepted, `NotInRelease`, or `Conversion` from a semantic function.
    fn downgrade_lossy<'m, 'de, M>(
        self,
        mirror: &M,
        scratch: &'m mut M,
        accept: &mut dyn FnMut(&Loss) -> bool,
    ) -> Result<Translated<'m, M, At<Self>>, SaveError>
    where
        M: MirrorOf<'de, Self>,
    {
        let at = At::new(self);
        downgrade::translate(mirror, at, scratch, accept)?;
        Ok(Translated::new(scratch, at))
    }

    /// Translates `mirror` to the oldest release that loses nothing, so that the largest number of builds can read the
    /// snapshot. It tries no release before `oldest`. Fields marked as `ignorable` do not count as a loss.
    ///
    /// # Errors
    ///
    /// `Conversion` if a semantic function refuses the value even at the latest release. No other error is possible:
    /// the latest release has every mirror and loses nothing.
    ///
    /// ```
    /// use devstate_versioning::{ReleaseTable, Versioned, release_table};
    ///
    /// #[derive(Versioned, Clone, Debug, Default)]
    /// #[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
    /// pub struct TimerSer {
    ///     pub count: u32,
    ///     #[versioned(start = 2)]
    ///     pub prescaler: u8,
    /// }
    /// release_table! {
    ///     pub enum Release { V1 = 1 @ 0xbf16_3a3d_d791_3fbe, V2 = 2 @ open }
    ///     TimerSer => [1, 2],
    /// }
    ///
    /// // Release 1 has no prescaler, but 0 is what a reader puts in its place.
    /// let plain = TimerSer { count: 7, prescaler: 0 };
    /// let mut scratch = plain.clone();
    /// assert_eq!(Release::downgrade_compatible(&plain, Release::V1, &mut scratch)?.release(), Release::V1);
    ///
    /// let scaled = TimerSer { count: 7, prescaler: 3 };
    /// assert_eq!(Release::downgrade_compatible(&scaled, Release::V1, &mut scratch)?.release(), Release::V2);
    /// # Ok::<(), devstate_versioning::SaveError>(())
    /// ```
    fn downgrade_compatible<'m, 'de, M>(
        mirror: &M,
        oldest: Self,
        scratch: &'m mut M,
    ) -> Result<Translated<'m, M, At<Self>>, SaveError>
    where
        M: MirrorOf<'de, Self>,
    {
        let mut release = Self::LATEST;
        for &candidate in Self::ALL {
            if candidate.number() < oldest.number() {
                continue;
            }
            let mut lossless = true;
            let losses = candidate.losses(mirror, scratch, &mut |loss| lossless &= loss.ignorable);
            if losses.is_ok() && lossless {
                release = candidate;
                break;
            }
        }
        release.downgrade_lossy(mirror, scratch, &mut |_| true)
    }

    /// Calls `visit` with each field that a downgrade to this release would lose. Nothing is written. `scratch` is
    /// overwritten.
    ///
    /// # Errors
    ///
    /// `NotInRelease`, or `Conversion` from a semantic function. In both cases the mirror cannot be downgraded to this
    /// release.
    fn losses<'de, M>(self, mirror: &M, scratch: &mut M, visit: &mut dyn FnMut(&Loss)) -> Result<(), SaveError>
    where
        M: MirrorOf<'de, Self>,
    {
        downgrade::losses(mirror, At::new(self), scratch, visit)
    }

    /// Compares two mirrors field by field, and calls `visit` with each field that differs. Use it to explain why two states
    /// are not equal, for example in a test. Skipped fields do not count.
    fn differences<'de, M>(one: &M, other: &M, visit: &mut dyn FnMut(&Loss))
    where
        M: MirrorOf<'de, Self>,
    {
        Wire::<Newest<Self>>::differ(one, other, Newest::new(), &mut Differ::new(visit));
    }

    /// Reads a snapshot of any release in the table into `mirror`, and returns the release at which it was written.
    ///
    /// The checksum is verified before anything is decoded. Loading refuses every byte that the encoder never writes.
    /// `mirror` is scratch memory: after an error its content is meaningless. Restore a device from it only after the
    /// load succeeded.
    ///
    /// # Errors
    ///
    /// [`LoadErrorKind`] lists everything that can be wrong with a snapshot.
    #[inline]
    fn load<'de, M>(snapshot: &'de [u8], mirror: &mut M) -> Result<Self, LoadError>
    where
        M: MirrorOf<'de, Self>,
    {
        Self::load_with(Options::NATIVE, snapshot, mirror)
    }

    /// Like [`load`](Self::load), with options.
    ///
    /// # Errors
    ///
    /// The errors of [`load`](Self::load).
    fn load_with<'de, M, C>(options: Options<C>, snapshot: &'de [u8], mirror: &mut M) -> Result<Self, LoadError>
    where
        M: MirrorOf<'de, Self>,
        C: Checksum,
    {
        let (header, payload) = options.verify(snapshot)?;
        let release = release_of::<Self, M>(&header)?;
        decode(payload, Header::LEN, At::new(release), mirror)?;
        Ok(release)
    }

    /// Returns the fingerprint in the header of a snapshot of this release whose root is the mirror `M`. Two builds
    /// that negotiate a release compare it. `None` if the release does not have the mirror.
    #[must_use]
    fn fingerprint<M: RowOf<Self>>(self) -> Option<u64> {
        (M::version(self) > 0)
            .then(|| M::FINGERPRINTS.get(self.index()).copied())
            .flatten()
    }

    /// Reads a bare payload of the latest release into `mirror`. [`Translated::encode`] writes such a payload. If no
    /// payload is older, use this function instead of [`decode`](Self::decode): its code compares no versions.
    ///
    /// # Errors
    ///
    /// `Truncated`, `Value`, `TrailingBytes`, or `Conversion` from a semantic function.
    #[inline]
    fn decode_latest<'de, M>(payload: &'de [u8], mirror: &mut M) -> Result<(), LoadError>
    where
        M: MirrorOf<'de, Self>,
    {
        decode(payload, 0, Newest::<Self>::new(), mirror)
    }

    /// Reads a bare payload of this release into `mirror`. [`Translated::encode`] writes such a payload.
    ///
    /// # Errors
    ///
    /// `NotInRelease`, `Truncated`, `Value`, `TrailingBytes` or `Conversion`.
    #[inline]
    fn decode<'de, M>(self, payload: &'de [u8], mirror: &mut M) -> Result<(), LoadError>
    where
        M: MirrorOf<'de, Self>,
    {
        if M::version(self) == 0 {
            return Err(not_in_release(self));
        }
        decode(payload, 0, At::new(self), mirror)
    }
}

impl<R: TableData> ReleaseTable for R {}

impl<M, R: TableData, C> Translated<'_, M, At<R>, C> {
    /// Returns the release that the value was translated to.
    #[must_use]
    pub const fn release(&self) -> R {
        self.at().release()
    }
}

/// Decodes a payload and encodes it again at the same release. Use it to test a hand-written codec: a correct codec
/// gives the same bytes.
///
/// It does not translate the value. With a correct codec, the bytes differ in one case only: the payload has an
/// [`Inner`](crate::Inner) snapshot whose release is not the one that the field gives for this version.
///
/// # Errors
///
/// The outer error is the [`LoadError`] of decoding. The inner error is the [`SaveError`] of encoding.
///
/// ```
/// use devstate_versioning::wire::reencode;
/// # use devstate_versioning::{ReleaseTable, Versioned, release_table};
/// # #[derive(Versioned, Clone, Debug, Default)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
/// # release_table! { pub enum Release { V1 = 1 @ open } TimerSer => [1], }
///
/// let mut buffer = [0; 4];
/// let payload = Release::latest(&TimerSer { count: 7 }).encode(&mut buffer)?;
/// let mut again = [0; 4];
/// assert_eq!(reencode(Release::V1, payload, &mut TimerSer::default(), &mut again)??, payload);
/// # Ok::<(), devstate_versioning::Error>(())
/// ```
pub fn reencode<'de, 'b, R, M>(
    release: R,
    payload: &'de [u8],
    mirror: &mut M,
    buffer: &'b mut [u8],
) -> Result<Result<&'b [u8], SaveError>, LoadError>
where
    R: TableData,
    M: MirrorOf<'de, R>,
{
    if M::version(release) == 0 {
        return Err(not_in_release(release));
    }
    let at = At::new(release);
    decode_untranslated(payload, 0, at, mirror)?;
    Ok(Translated::new(&*mirror, at).encode(buffer))
}

/// Returns the release of a header whose snapshot has the mirror `M`.
pub(crate) fn release_of<'de, R, M>(header: &Header) -> Result<R, LoadError>
where
    R: TableData,
    M: MirrorOf<'de, R>,
{
    let found = header.release;
    let Some(release) = R::from_number(found) else {
        let newest = R::LATEST.number();
        let oldest = R::ALL.first().map_or(newest, |first| first.number());
        let kind = if found > newest {
            LoadErrorKind::NewerRelease { found, newest }
        } else if found < oldest && found > 0 {
            LoadErrorKind::ForgottenRelease { found, oldest }
        } else {
            LoadErrorKind::UnknownRelease { found }
        };
        return Err(kind.at(10));
    };
    if M::version(release) == 0 {
        return Err(LoadErrorKind::NotInRelease { release: found }.at(10));
    }
    let expected = M::FINGERPRINTS.get(release.index()).copied().unwrap_or(0);
    if header.fingerprint != expected {
        return Err(LoadErrorKind::Fingerprint {
            expected,
            found: header.fingerprint,
        }
        .at(16));
    }
    Ok(release)
}

/// Returns the error for a release that has no such mirror.
#[cold]
fn not_in_release<R: TableData>(release: R) -> LoadError {
    let release = release.number();
    LoadErrorKind::NotInRelease { release }.without_offset()
}

/// Fills `mirror` from exactly the bytes of `payload`, and upgrades it. `offset` is that of the first byte.
#[inline]
fn decode<'de, V, M>(payload: &'de [u8], offset: usize, at: V, mirror: &mut M) -> Result<(), LoadError>
where
    V: Versions,
    M: Wire<'de, V>,
{
    decode_untranslated(payload, offset, at, mirror)?;
    mirror.upgrade(at).map_err(conversion)
}

#[cold]
fn conversion(error: ConversionError) -> LoadError {
    error.into()
}

/// Fills `mirror` from exactly the bytes of `payload`.
#[inline]
pub(crate) fn decode_untranslated<'de, V, M>(
    payload: &'de [u8],
    offset: usize,
    at: V,
    mirror: &mut M,
) -> Result<(), LoadError>
where
    V: Versions,
    M: Wire<'de, V>,
{
    let mut reader = Reader::within(payload, offset);
    match mirror.decode_into(at, &mut reader) {
        Ok(()) => reader.finish(),
        Err(malformed) => Err(reader.error(malformed)),
    }
}
