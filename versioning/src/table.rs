//! A release table as constant data.

use core::fmt::Debug;

use crate::schema_data::Row;

/// The content of a release table as constant data, for tools that print or compare tables.
/// [`release_table!`](crate::release_table) implements it.
///
/// To save and load use [`ReleaseTable`](crate::ReleaseTable), which includes this trait. The enum itself has `LATEST`, `ALL`,
/// `number` and `from_number` too.
///
/// ```
/// use devstate_versioning::schema::TableData;
/// use devstate_versioning::{Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct LampSer {
///     pub on: bool,
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ open }
///     LampSer => [1],
/// }
///
/// fn print<R: TableData>() -> String {
///     let rows = R::ROWS.iter().map(|row| row.schema.name);
///     format!("{:?}: {}", R::NAMES, rows.collect::<Vec<_>>().join(", "))
/// }
/// assert_eq!(print::<Release>(), "[\"V1\"]: LampSer");
/// ```
pub trait TableData: Copy + Eq + Debug + 'static {
    /// The name of the table. Empty for a table without a name.
    const TABLE: &'static str;
    /// All releases, oldest first.
    const ALL: &'static [Self];
    /// The names of the releases, in the same order.
    const NAMES: &'static [&'static str];
    /// The numbers of the releases, in the same order.
    const NUMBERS: &'static [u16];
    /// For each release, the position of its parent. `None` for the first.
    const PARENTS: &'static [Option<usize>];
    /// The newest release.
    const LATEST: Self;
    /// The rows, one for each mirror.
    const ROWS: &'static [Row];
    /// For each row and each release, the fingerprint of a snapshot whose root is that mirror. Zero if the release does
    /// not have the mirror.
    const ROOTS: &'static [&'static [u64]];
    /// For each release, the fingerprint that the table pins. `None` for an open release.
    const PINNED: &'static [Option<u64>];

    /// Returns the number in a snapshot's header.
    fn number(self) -> u16;

    /// Returns the position in [`ALL`](Self::ALL).
    fn index(self) -> usize;

    /// Returns the release with this number. `None` if the table does not have it.
    #[must_use]
    fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|release| release.number() == number)
    }
}
