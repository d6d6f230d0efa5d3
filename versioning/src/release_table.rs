//! The macro that declares a release table.

/// Declares the releases of an application and the version of each mirror in them. The compiler checks that no
/// published layout changes.
///
/// ```
/// use devstate_versioning::{Versioned, release_table};
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
/// A release is declared with its name, its number and, behind `@`, the fingerprint of the layouts that it published. The
/// number is in the header of its snapshots. The last release may be `open` while it is not published. Numbers ascend. They
/// may have gaps, because a release is deleted when it is no longer supported. Each row has one version for each release,
/// and `_` for a release without this mirror.
///
/// # The name of a table
///
/// Two applications with the same root mirror and the same release numbers read each other's snapshots. A table with a
/// name refuses the snapshots of every other table, because the name is part of the fingerprint in the header. It is
/// also part of the fingerprint of each release. A name cannot be empty.
///
/// ```
/// use devstate_versioning::{ReleaseTable, Versioned, buffer, release_table};
/// # #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
///
/// release_table! {
///     pub enum Lamp = "acme-lamp" { V1 = 1 @ open }
///     TimerSer => [1],
/// }
/// release_table! {
///     pub enum Heater = "acme-heater" { V1 = 1 @ open }
///     TimerSer => [1],
/// }
///
/// let mut memory = buffer!(TimerSer);
/// let snapshot = Lamp::save(&TimerSer { count: 7 }, &mut memory)?;
/// assert!(Heater::load(snapshot, &mut TimerSer::default()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Branches
///
/// The parent of a release is the previous release, unless `from` names another parent. So a stable branch can have
/// releases of its own, and the next release of the main branch names the last release of the main branch:
///
/// ```
/// use devstate_versioning::{Versioned, release_table};
///
/// // Version 4 is a backport: it has the `quota` of version 5, and not the `queue` of version 3.
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(
///     version = 5,
///     branch(4 = 2, 5 = 3),
///     layouts(0x8381_62e7_83d7_a611, 0x56d3_0a21_29fb_d6dd, 0xc1b0_34f6_4b59_7ff5, 0x8aa9_7df5_ac93_3cc6, open),
/// )]
/// pub struct DiskSer {
///     pub sectors: u64,
///     #[versioned(start = 2)]
///     pub read_only: bool,
///     #[versioned(start = 3)]
///     pub queue: u16,
///     #[versioned(start = [4, 5])]
///     pub quota: u64,
/// }
///
/// release_table! {
///     pub enum Release {
///         V1 = 1 @ 0x8381_62e7_83d7_a611,
///         V2 = 2 @ 0x56d3_0a21_29fb_d6dd,
///         V3 = 3 @ 0xc1b0_34f6_4b59_7ff5,
///         V2_1 = 4 from V2 @ 0x8aa9_7df5_ac93_3cc6,
///         V4 = 5 from V3 @ open,
///     }
///     DiskSer => [1, 2, 3, 4, 5],
/// }
/// ```
///
/// `from _` says that the table no longer has the parent.
///
/// In the row of a mirror, a release may have a version of another branch than its parent release. That version must
/// have every change of the version in the parent release.
///
/// # Rows for some targets
///
/// A row with `#[cfg(…)]` exists only on targets that meet the condition. Then each release needs a fingerprint for
/// each target:
///
/// ```
/// use devstate_versioning::{Versioned, release_table};
/// # #[derive(Versioned, Clone, Debug, Default)]
/// # #[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
/// # pub struct TimerSer { pub count: u32 }
/// # #[derive(Versioned, Clone, Debug, Default)]
/// # #[versioned(version = 1, layouts(0x97b1_6448_8657_4ca8))]
/// # pub struct FanSer { pub speed: u16 }
///
/// release_table! {
///     pub enum Release {
///         V1 = 1 @ {
///             #[cfg(windows)] 0x1234_5678_9abc_def0,
///             #[cfg(not(windows))] 0xbf16_3a3d_d791_3fbe,
///         },
///         V2 = 2 @ open,
///     }
///     TimerSer => [1, 1],
///     #[cfg(windows)]
///     FanSer => [1, 1],
/// }
/// ```
///
/// # What the macro declares
///
/// The enum has `ALL`, `LATEST`, `number` and `from_number`, and implements [`ReleaseTable`](crate::ReleaseTable). With this
/// crate's feature `defmt` it implements `defmt::Format`, which prints the name of the release.
///
/// The following mistakes do not compile, and the message says what to do: a missing row for a mirror or a nested
/// mirror; a row of another length than the table; a version that is 0, goes down, or is above the version of the
/// mirror; a last release that does not have the latest version of a mirror; numbers that do not ascend; `_` for a
/// mirror that another mirror of that release holds; a published release whose layouts differ from its fingerprint, or
/// are still `open`; an empty name.
#[macro_export]
macro_rules! release_table {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $Release:ident $(= $table:tt)? {
            $($(#[$note:ident $($arguments:tt)*])* $name:ident = $number:literal $(from $parent:tt)? $(@ $fingerprint:tt)?),+ $(,)?
        }
        $($(#[doc = $comment:literal])* $(#[cfg($($condition:tt)*)])* $mirror:ty => [$($version:tt),* $(,)?]),+ $(,)?
    ) => {
        $(
            $crate::__release_part!(@name $name);
            $crate::__release_part!(@pinned $name $number $($fingerprint)?);
            $($crate::__release_part!(@note $note $name $number);)*
        )+

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
                $(#[$note $($arguments)*])*
                $name,
            )+
        }

        #[allow(dead_code)]
        impl $Release {
            /// All releases, oldest first.
            $visibility const ALL: &'static [Self] = <Self as $crate::schema::TableData>::ALL;

            /// The newest release.
            $visibility const LATEST: Self = <Self as $crate::schema::TableData>::LATEST;

            /// Returns the number of the release in a snapshot's header.
            #[must_use]
            $visibility fn number(self) -> ::core::primitive::u16 {
                <Self as $crate::schema::TableData>::number(self)
            }

            /// Returns the release with this number. `None` if the table does not have it.
            #[must_use]
            $visibility fn from_number(__devstate_number: ::core::primitive::u16) -> ::core::option::Option<Self> {
                <Self as $crate::schema::TableData>::from_number(__devstate_number)
            }
        }

        impl $crate::schema::TableData for $Release {
            const TABLE: &'static ::core::primitive::str = ::core::concat!("" $(, $crate::__release_part!(@table $table))?);
            const ALL: &'static [Self] = &[$(Self::$name),+];
            const NAMES: &'static [&'static ::core::primitive::str] = &[$($crate::__private::without_raw(::core::stringify!($name))),+];
            const NUMBERS: &'static [::core::primitive::u16] = &[$($number),+];
            const PARENTS: &'static [::core::option::Option<::core::primitive::usize>] =
                &[$($crate::__release_part!(@parent $Release $name $($parent)?)),+];
            const LATEST: Self = $crate::__private::last(<Self as $crate::schema::TableData>::ALL);
            const ROWS: &'static [$crate::schema::Row] = &[
                $($(#[cfg($($condition)*)])* $crate::schema::Row {
                    schema: <$mirror as $crate::Mirror>::SCHEMA,
                    layouts: <$mirror as $crate::Mirror>::LAYOUTS,
                    versions: &[$($crate::__release_part!(@version $version)),*],
                }),+
            ];
            const ROOTS: &'static [&'static [::core::primitive::u64]] = &[
                $($(#[cfg($($condition)*)])* <$mirror as $crate::wire::RowOf<Self>>::FINGERPRINTS),+
            ];
            const PINNED: &'static [::core::option::Option<::core::primitive::u64>] = &[$($crate::__release_part!(@literal $($fingerprint)?)),+];

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

        $crate::__format_release!($Release);

        $(
            $(#[cfg($($condition)*)])*
            impl $crate::wire::RowOf<$Release> for $mirror {
                const FINGERPRINTS: &'static [::core::primitive::u64] = &$crate::__private::deep::<
                    { <$Release as $crate::schema::TableData>::ALL.len() }
                >(
                    <$Release as $crate::schema::TableData>::TABLE,
                    <$Release as $crate::schema::TableData>::ROWS,
                    <$mirror as $crate::Mirror>::SCHEMA,
                );

                #[inline]
                fn version(__devstate_release: $Release) -> ::core::primitive::u16 {
                    $crate::__private::at(
                        const { &[$($crate::__release_part!(@version $version)),*] },
                        __devstate_release as ::core::primitive::usize,
                    )
                }
            }
        )+

        const _: () = {
            const fn has_a_row_for_each_mirror_in<'de, M: $crate::wire::Wire<'de, $crate::wire::At<$Release>>>() {}
            $($(#[cfg($($condition)*)])* has_a_row_for_each_mirror_in::<$mirror>();)+
        };
        // One item, so that a mistake is reported once and without what follows from it.
        const _: () = {
            if !$crate::__private::has_refused(<$Release as $crate::schema::TableData>::ROWS) {
                $($crate::__private::check_table_name($table);)?
                $crate::__private::check_releases(
                    <$Release as $crate::schema::TableData>::TABLE,
                    <$Release as $crate::schema::TableData>::ROWS,
                    &[$((::core::stringify!($name), $number, $crate::__release_part!(@literal $($fingerprint)?))),+],
                    <$Release as $crate::schema::TableData>::PARENTS,
                );
                $(
                    $(#[cfg($($condition)*)])*
                    $crate::__private::check_by_hand(
                        <$mirror as $crate::Mirror>::DERIVED,
                        <$mirror as $crate::Mirror>::SCHEMA,
                        <$mirror as $crate::Mirror>::LAYOUTS,
                    );
                )+
                $(
                    $(#[cfg($($condition)*)])*
                    $crate::__private::check_row(
                        <$Release as $crate::schema::TableData>::ROWS,
                        <$Release as $crate::schema::TableData>::NAMES,
                        <$Release as $crate::schema::TableData>::PARENTS,
                        <$mirror as $crate::Mirror>::SCHEMA,
                        &[$($crate::__release_part!(@given $version)),*],
                    );
                )+
                $(
                    $crate::__private::check_published(
                        <$Release as $crate::schema::TableData>::TABLE,
                        <$Release as $crate::schema::TableData>::ROWS,
                        <$Release>::$name as ::core::primitive::usize,
                        ::core::stringify!($name),
                        $crate::__release_part!(@literal $($fingerprint)?),
                    );
                )+
                $(
                    $(#[cfg($($condition)*)])*
                    $crate::__private::check_pinned(
                        <$Release as $crate::schema::TableData>::NAMES,
                        <$Release as $crate::schema::TableData>::PINNED,
                        <$mirror as $crate::Mirror>::SCHEMA,
                        <$mirror as $crate::Mirror>::LAYOUTS,
                        <$mirror as $crate::Mirror>::OPEN,
                        &[$($crate::__release_part!(@given $version)),*],
                    );
                )+
            }
        };
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $Release:ident $(= $table:tt)? { $($releases:tt)* }
    ) => {
        ::core::compile_error!(::core::concat!(
            "the table `", ::core::stringify!($Release), "` has no rows: after the releases, write a line for each mirror, with \
             its version in each release, as in `TimerSer => [1, 2],`",
        ));
    };
}

/// Translates one part of a table: a version or a fingerprint.
#[doc(hidden)]
#[macro_export]
macro_rules! __release_part {
    (@name ALL) => { $crate::__release_part!(@taken ALL); };
    (@name LATEST) => { $crate::__release_part!(@taken LATEST); };
    (@name number) => { $crate::__release_part!(@taken number); };
    (@name from_number) => { $crate::__release_part!(@taken from_number); };
    (@name $name:ident) => {};
    (@taken $name:ident) => {
        ::core::compile_error!(::core::concat!(
            "a release cannot have the name `", ::core::stringify!($name), "`: the macro declares an item with this \
                 name. Choose another name",
        ));
    };
    (@note cfg $name:ident $number:literal) => {
        ::core::compile_error!(::core::concat!(
            "release `", ::core::stringify!($name), "` has a `#[cfg(…)]`, but every target has all releases: delete \
             it, and give the release a fingerprint for each target, as in `", ::core::stringify!($name), " = ", ::core::stringify!($number), " @ { #[cfg(windows)] 0x…, #[cfg(not(windows))] 0x… }`",
        ));
    };
    (@note $note:ident $name:ident $number:literal) => {};
    (@parent $Release:ident $name:ident) => { (<$Release>::$name as ::core::primitive::usize).checked_sub(1) };
    (@parent $Release:ident $name:ident _) => { ::core::option::Option::None };
    (@parent $Release:ident $name:ident $parent:ident) => {
        ::core::option::Option::Some(<$Release>::$parent as ::core::primitive::usize)
    };
    (@parent $Release:ident $name:ident $other:tt) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($other), "` is not a release: write the name of an earlier release after `from`, \
             or `_` for a release that the table no longer has",
        ))
    };
    (@table $table:literal) => { $table };
    (@table $other:tt) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($other), "` is not the name of a release table: write the name in quotes, as in \
             `= \"acme-lamp\"`",
        ))
    };
    (@pinned $name:ident $number:literal $fingerprint:tt) => {};
    (@pinned $name:ident $number:literal) => {
        ::core::compile_error!(::core::concat!(
            "release `", ::core::stringify!($name), "` has no fingerprint: write `", ::core::stringify!($name), " = ", ::core::stringify!($number),
            " @ open`, or a fingerprint in place of `open` if it is published",
        ));
    };
    (@version _) => { 0 };
    (@version $version:literal) => { $version };
    (@version $other:tt) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($other), "` is not a version: a row has a number for each release, or `_` for a \
             release without the mirror",
        ))
    };
    (@given _) => { ::core::option::Option::None };
    (@given $version:literal) => { ::core::option::Option::Some($version) };
    (@given $other:tt) => { ::core::option::Option::None };
    (@literal { $(# $condition:tt $fingerprint:tt),+ $(,)? }) => {
        $crate::__private::only_pin(&[$(# $condition $crate::__release_part!(@literal $fingerprint)),+])
    };
    (@literal) => { ::core::option::Option::None };
    (@literal open) => { ::core::option::Option::None };
    (@literal $fingerprint:literal) => { ::core::option::Option::Some($fingerprint) };
    (@literal $other:tt) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($other), "` is not a fingerprint: a release has a number such as \
             `0x0123_4567_89ab_cdef`, or `open`",
        ))
    };
}

/// Implements `defmt::Format` for a release. It prints the name.
#[cfg(feature = "defmt")]
#[doc(hidden)]
#[macro_export]
macro_rules! __format_release {
    ($Release:ident) => {
        impl $crate::__private::defmt::Format for $Release {
            fn format(&self, __devstate_formatter: $crate::__private::defmt::Formatter<'_>) {
                $crate::__private::format_release(*self, __devstate_formatter);
            }
        }
    };
}

/// Without `defmt` there is nothing to implement.
#[cfg(not(feature = "defmt"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __format_release {
    ($Release:ident) => {};
}
