//! Releases: which version of each mirror was shipped together.

use core::fmt::{self, Debug};
use core::marker::PhantomData;

use crate::schema::Row;
use crate::wire::Mirror;

/// The releases of one application, oldest first. [`release_table!`](crate::release_table) implements it.
pub trait ReleaseTable: Copy + Eq + Debug + 'static {
    /// Every release, oldest first.
    const ALL: &'static [Self];
    /// Their names, in the same order.
    const NAMES: &'static [&'static str];
    /// The newest release.
    const LATEST: Self;
    /// The table as data, a row for each mirror.
    const ROWS: &'static [Row];
    /// For each row the fingerprint of a snapshot whose root is that mirror, for each release; zero where there is none.
    const ROOTS: &'static [&'static [u64]];
    /// For each release the fingerprint that the table pins, none for an open one.
    const PINNED: &'static [Option<u64>];

    /// The number that stands in a snapshot's header.
    fn number(self) -> u16;

    /// The position among [`ALL`](Self::ALL).
    fn index(self) -> usize;

    /// The release with that number, if this build knows it.
    #[must_use]
    fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|release| release.number() == number)
    }
}

/// A release table that has a row for the mirror `M`.
#[diagnostic::on_unimplemented(
    message = "the release table `{Self}` has no row for the mirror `{M}`",
    label = "`{M}` stands in no row of this table",
    note = "add `{M} => [..]` to the `release_table!` that declares `{Self}`, with one version for each release, `_` for those that had no such mirror"
)]
pub trait VersionOf<M: ?Sized>: ReleaseTable {
    /// The fingerprint of a snapshot whose root is `M`, for each release; zero where the release has no `M`.
    const FINGERPRINTS: &'static [u64];

    /// The version of `M` in this release; zero where the release has no `M`.
    fn version(self) -> u16;

    /// The fingerprint of a snapshot of this release whose root is `M`.
    #[must_use]
    fn fingerprint(self) -> u64 {
        Self::FINGERPRINTS.get(self.index()).copied().unwrap_or(0)
    }
}

/// Stands in every table, and is no mirror.
#[derive(Debug)]
pub enum NoMirror {}

/// The latest release of the table `R`, known when the program is built: code that is generic over the release is
/// compiled once more for it, without a question about versions left in it.
///
/// [`save`](crate::save) uses it; with [`payload`](crate::payload) it can be given in place of a release.
pub struct Latest<R>(PhantomData<R>);

impl<R> Latest<R> {
    /// The latest release.
    pub const RELEASE: Self = Self(PhantomData);
}

impl<R: ReleaseTable> ReleaseTable for Latest<R> {
    const ALL: &'static [Self] = &[Self::RELEASE];
    const NAMES: &'static [&'static str] = match R::NAMES {
        [.., latest] => core::slice::from_ref(latest),
        [] => &[],
    };
    const LATEST: Self = Self::RELEASE;
    const ROWS: &'static [Row] = R::ROWS;
    const ROOTS: &'static [&'static [u64]] = R::ROOTS;
    const PINNED: &'static [Option<u64>] = R::PINNED;

    #[inline]
    fn number(self) -> u16 {
        R::LATEST.number()
    }

    #[inline]
    fn index(self) -> usize {
        R::LATEST.index()
    }
}

impl<R: VersionOf<M>, M: Mirror> VersionOf<M> for Latest<R> {
    const FINGERPRINTS: &'static [u64] = R::FINGERPRINTS;

    /// A table's last release has every mirror at its latest version.
    #[inline]
    fn version(self) -> u16 {
        const { M::SCHEMA.version }
    }
}

impl<R> Clone for Latest<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Latest<R> {}

impl<R> PartialEq for Latest<R> {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl<R> Eq for Latest<R> {}

impl<R> Debug for Latest<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Latest")
    }
}

/// Declares an application's releases and the version of each mirror in them, and has the compiler check the history.
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
///
/// release_table! {
///     /// What this firmware has shipped.
///     pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ open }
///     TimerSer => [1, 2],
/// }
///
/// assert_eq!(Release::LATEST.number(), 2);
/// ```
///
/// Each release has its number in the header and, behind `@`, the fingerprint of the layouts that it published; the
/// last one may be `open` while it is not published yet. Numbers ascend and may have gaps, for releases that are no
/// longer supported. Each row has one version for each release, `_` for a release that had no such mirror.
///
/// These do not compile, and each says what is wrong and what to do: a row missing for a mirror, also a nested one; a
/// row of another length than the table; a version that is 0, goes down, or is above the mirror's own; a last release
/// that is not at a mirror's latest version; numbers that do not ascend; a mirror that a release reaches though its
/// row says `_`; a layout that differs from the fingerprint of a published release, or is still `open` in one.
#[macro_export]
macro_rules! release_table {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $Release:ident {
            $($(#[$note:meta])* $name:ident = $number:literal @ $fingerprint:tt),+ $(,)?
        }
        $($mirror:ty => [$($version:tt),* $(,)?]),+ $(,)?
    ) => {
        $(#[$attribute])*
        #[derive(
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::fmt::Debug,
            ::core::cmp::PartialEq,
            ::core::cmp::Eq,
            ::core::cmp::PartialOrd,
            ::core::cmp::Ord,
            ::core::hash::Hash,
        )]
        $visibility enum $Release {
            $(
                #[doc = ::core::concat!("Release ", $number, ".")]
                $(#[$note])*
                $name,
            )+
        }

        impl $crate::ReleaseTable for $Release {
            const ALL: &'static [Self] = &[$(Self::$name),+];
            const NAMES: &'static [&'static ::core::primitive::str] = &[$(::core::stringify!($name)),+];
            const LATEST: Self = {
                let [.., latest] = [$(Self::$name),+];
                latest
            };
            const ROWS: &'static [$crate::schema::Row] = &[
                $($crate::schema::Row {
                    schema: <$mirror as $crate::Mirror>::SCHEMA,
                    layouts: <$mirror as $crate::Mirror>::LAYOUTS,
                    versions: &[$($crate::release_table!(@version $version)),*],
                }),+
            ];
            const ROOTS: &'static [&'static [::core::primitive::u64]] = &[
                $(<Self as $crate::VersionOf<$mirror>>::FINGERPRINTS),+
            ];
            const PINNED: &'static [::core::option::Option<::core::primitive::u64>] = &[$($crate::release_table!(@literal $fingerprint)),+];

            #[inline]
            fn number(self) -> ::core::primitive::u16 {
                match self {
                    $(Self::$name => $number),+
                }
            }

            #[inline]
            fn index(self) -> ::core::primitive::usize {
                self as ::core::primitive::usize
            }
        }

        $(
            impl $crate::VersionOf<$mirror> for $Release {
                const FINGERPRINTS: &'static [::core::primitive::u64] = &$crate::__private::deep::<
                    { <$Release as $crate::ReleaseTable>::ALL.len() }
                >(
                    <$Release as $crate::ReleaseTable>::ROWS,
                    <$mirror as $crate::Mirror>::SCHEMA,
                );

                #[inline]
                fn version(self) -> ::core::primitive::u16 {
                    const VERSIONS: &[::core::primitive::u16] = &[$($crate::release_table!(@version $version)),*];
                    match VERSIONS.get(self as ::core::primitive::usize) {
                        ::core::option::Option::Some(version) => *version,
                        ::core::option::Option::None => 0,
                    }
                }
            }
        )+

        // With one row alone, type inference would take its mirror for any other and say that types differ.
        #[diagnostic::do_not_recommend]
        impl $crate::VersionOf<$crate::__private::NoMirror> for $Release {
            const FINGERPRINTS: &'static [::core::primitive::u64] = &[];

            fn version(self) -> ::core::primitive::u16 {
                0
            }
        }

        const _: () = {
            const fn has_a_row_for_each_part_of<'de, M: $crate::Wire<'de, $Release>>() {}
            $(has_a_row_for_each_part_of::<$mirror>();)+
        };
        // One item, so that a mistake is reported once and without what follows from it.
        const _: () = {
            $crate::__private::check_releases(
                <$Release as $crate::ReleaseTable>::ROWS,
                &[$((::core::stringify!($name), $number, $crate::release_table!(@literal $fingerprint))),+],
            );
            $(
                $crate::__private::check_row(
                    <$Release as $crate::ReleaseTable>::ROWS,
                    <$Release as $crate::ReleaseTable>::NAMES,
                    <$mirror as $crate::Mirror>::SCHEMA,
                    &[$($crate::release_table!(@given $version)),*],
                );
            )+
            $(
                $crate::__private::check_published(
                    <$Release as $crate::ReleaseTable>::ROWS,
                    <$Release>::$name as ::core::primitive::usize,
                    ::core::stringify!($name),
                    $crate::release_table!(@literal $fingerprint),
                );
            )+
            $(
                $crate::__private::check_pinned(
                    <$Release as $crate::ReleaseTable>::NAMES,
                    <$Release as $crate::ReleaseTable>::PINNED,
                    <$mirror as $crate::Mirror>::SCHEMA,
                    <$mirror as $crate::Mirror>::LAYOUTS,
                    <$mirror as $crate::Mirror>::OPEN,
                    &[$($crate::release_table!(@given $version)),*],
                );
            )+
        };
    };
    (@version _) => { 0 };
    (@version $version:literal) => { $version };
    (@given _) => { ::core::option::Option::None };
    (@given $version:literal) => { ::core::option::Option::Some($version) };
    (@literal open) => { ::core::option::Option::None };
    (@literal $fingerprint:literal) => { ::core::option::Option::Some($fingerprint) };
}
