//! The release that the byte layer works at.
//!
//! Every function of [`Wire`](crate::wire::Wire) takes a value of one of these types, and only this crate creates them.
//! So no other code can write a value at an older release without a translation.

use core::fmt::{self, Debug};
use core::marker::PhantomData;

use crate::mirror::Mirror;
use crate::table::TableData;

/// Says which version a mirror has at each release of the table `R`. [`release_table!`](crate::release_table) implements it
/// for each mirror with a row.
///
/// Use it as a bound for a function that needs only the version or the fingerprint. To save or load, use
/// [`MirrorOf`](crate::MirrorOf).
#[diagnostic::on_unimplemented(
    message = "the release table `{R}` has no row for the mirror `{Self}`",
    label = "`{Self}` has no row in this table",
    note = "add `{Self} => [..]` to the `release_table!` that declares `{R}`, with one version for each release, and \
            `_` for a release without this mirror; if only one other mirror contains it, it can be a part of that \
            mirror instead: `#[versioned(part = [..])]`"
)]
pub trait RowOf<R>: Mirror {
    /// The fingerprint of a snapshot whose root is this mirror, for each release. Zero if the release does not have the
    /// mirror.
    const FINGERPRINTS: &'static [u64];

    /// Returns the version of the mirror in `release`. Zero if the release does not have the mirror.
    fn version(release: R) -> u16;
}

/// Tells a codec which version of each mirror to read or write. Each function of [`Wire`](crate::wire::Wire) takes it
/// as its argument `at`.
///
/// A hand-written codec passes `at` on to its fields. It asks [`VersionOf`] for the version of its own mirror. It never
/// chooses one of the four types:
///
/// | | release or version known at run time | the latest, known at compile time |
/// |---|---|---|
/// | mirrors with a row in a release table | [`At`] | [`Newest`] |
/// | mirrors that are parts | [`AtVersion`] | [`NewestVersion`] |
///
/// The trait is sealed, so only this crate creates these values. So only a translated value can be written at an older
/// release. [`Wire`](crate::wire::Wire) has an example of a hand-written codec.
pub trait Versions: sealed::Sealed + Copy + 'static {
    /// `true` if [`number`](Self::number) is the number of a release. `false` if it is the version of a part.
    const HAS_RELEASES: bool;

    /// `true` if every mirror has its latest version, and the compiler knows it.
    const IS_NEWEST: bool;

    /// Returns `true` if every mirror has its latest version.
    fn is_latest(self) -> bool;

    /// Returns the number of the release. For a part, its version, or zero for the latest.
    fn number(self) -> u16;

    /// Returns the value for the release with that number: the reverse of [`number`](Self::number). [`At`] returns
    /// `None` if the table has no such release.
    fn from_number(number: u16) -> Option<Self>;

    /// The type of the value for parts. A part is a mirror whose owner decides its version.
    type Part: Versions;

    /// Returns the value for a part at `version`. The codec of the owner passes it to the part.
    fn part(self, version: u16) -> Self::Part;
}

/// Tells the codec of the mirror `M` its version. Use it as the bound of a hand-written codec of a mirror: `impl<'de,
/// V: VersionOf<Self>> Wire<'de, V> for …`.
pub trait VersionOf<M>: Versions {
    /// Returns the version of `M`. Zero if the release does not have the mirror.
    fn version(self) -> u16;

    /// Returns the fingerprint of a snapshot whose root is `M`.
    fn fingerprint(self) -> u64;
}

/// Selects a release of the table `R` at run time. A downgrade returns a value of this type in its
/// [`Translated`](crate::Translated).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<R>(R);

/// Selects the latest release of the table `R` at compile time. Each version is then a constant, so the compiled code
/// compares no versions.
pub struct Newest<R>(PhantomData<R>);

/// Selects a version of a part at run time. A part has no row in a release table: its owner decides the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtVersion(u16);

/// Selects the latest version of a part at compile time. The version is then a constant, so the compiled code compares
/// no versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewestVersion;

impl AtVersion {
    pub(crate) const fn new(version: u16) -> Self {
        Self(version)
    }
}

impl<R: TableData> At<R> {
    #[inline]
    pub(crate) const fn new(release: R) -> Self {
        Self(release)
    }

    #[inline]
    pub(crate) const fn release(self) -> R {
        self.0
    }
}

impl<R: TableData> Newest<R> {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: TableData> Versions for At<R> {
    const HAS_RELEASES: bool = true;
    const IS_NEWEST: bool = R::ALL.len() == 1;

    #[inline]
    fn is_latest(self) -> bool {
        self.0 == R::LATEST
    }

    #[inline]
    fn number(self) -> u16 {
        self.0.number()
    }

    fn from_number(number: u16) -> Option<Self> {
        R::from_number(number).map(Self)
    }

    type Part = AtVersion;

    #[inline]
    fn part(self, version: u16) -> AtVersion {
        AtVersion(version)
    }
}

impl<R: TableData> Versions for Newest<R> {
    const HAS_RELEASES: bool = true;
    const IS_NEWEST: bool = true;

    #[inline]
    fn is_latest(self) -> bool {
        true
    }

    #[inline]
    fn number(self) -> u16 {
        R::LATEST.number()
    }

    fn from_number(_number: u16) -> Option<Self> {
        Some(Self::new())
    }

    type Part = NewestVersion;

    /// The compiler checks that the latest version of an owner has its parts at their latest versions.
    #[inline]
    fn part(self, _version: u16) -> NewestVersion {
        NewestVersion
    }
}

impl Versions for AtVersion {
    const HAS_RELEASES: bool = false;
    const IS_NEWEST: bool = false;

    /// Returns `false`: this value does not know the latest version of a part.
    #[inline]
    fn is_latest(self) -> bool {
        false
    }

    #[inline]
    fn number(self) -> u16 {
        self.0
    }

    fn from_number(number: u16) -> Option<Self> {
        Some(Self(number))
    }

    type Part = Self;

    #[inline]
    fn part(self, version: u16) -> Self {
        Self(version)
    }
}

impl Versions for NewestVersion {
    const HAS_RELEASES: bool = false;
    const IS_NEWEST: bool = true;

    #[inline]
    fn is_latest(self) -> bool {
        true
    }

    /// Returns zero, which stands for the latest version.
    fn number(self) -> u16 {
        0
    }

    fn from_number(_number: u16) -> Option<Self> {
        Some(Self)
    }

    type Part = Self;

    #[inline]
    fn part(self, _version: u16) -> Self {
        Self
    }
}

impl<R: TableData, M: RowOf<R>> VersionOf<M> for At<R> {
    #[inline]
    fn version(self) -> u16 {
        M::version(self.0)
    }

    #[inline]
    fn fingerprint(self) -> u64 {
        M::FINGERPRINTS.get(self.0.index()).copied().unwrap_or(0)
    }
}

impl<R: TableData, M: RowOf<R>> VersionOf<M> for Newest<R> {
    /// The compiler checks that the last release of a table has every mirror at its latest version.
    #[inline]
    fn version(self) -> u16 {
        const { M::SCHEMA.version }
    }

    #[inline]
    fn fingerprint(self) -> u64 {
        const {
            match M::FINGERPRINTS {
                [.., latest] => *latest,
                [] => 0,
            }
        }
    }
}

impl<M: Mirror> VersionOf<M> for AtVersion {
    #[inline]
    fn version(self) -> u16 {
        self.0
    }

    /// Returns zero. A part is never the root of a snapshot.
    fn fingerprint(self) -> u64 {
        0
    }
}

impl<M: Mirror> VersionOf<M> for NewestVersion {
    #[inline]
    fn version(self) -> u16 {
        const { M::SCHEMA.version }
    }

    /// Returns zero. A part is never the root of a snapshot.
    fn fingerprint(self) -> u64 {
        0
    }
}

impl<R> Clone for Newest<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Newest<R> {}

impl<R> Debug for Newest<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Newest")
    }
}

mod sealed {
    use super::{At, AtVersion, Newest, NewestVersion, TableData};

    /// Keeps other crates from implementing [`Versions`](super::Versions).
    pub trait Sealed {}

    impl Sealed for AtVersion {}
    impl Sealed for NewestVersion {}
    impl<R: TableData> Sealed for At<R> {}
    impl<R: TableData> Sealed for Newest<R> {}
}
