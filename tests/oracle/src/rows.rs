//! The rows of a device's table of differences, as the harness knows them.

/// Defines an enum of the rows that scripts can reach, and the list of those that they cannot.
///
/// The names are the ones in the first column of the device's `DIFFERENCES.md`; a test holds that both sides have the
/// same.
macro_rules! rows {
    ($(#[$meta:meta])* $rows:ident { $($row:ident = $name:literal,)* } beyond { $($beyond:literal: $reason:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $rows {
            $($row,)*
        }

        impl $rows {
            /// The rows that scripts reach.
            pub(crate) const NAMES: &'static [&'static str] = &[$($name),*];
            /// The rows that no script can reach, and why.
            pub(crate) const BEYOND: &'static [(&'static str, &'static str)] = &[$(($beyond, $reason)),*];
        }
    };
}

pub(crate) use rows;

/// How often each row occurred, and whether the device did what the row says of it.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    counts: Vec<u64>,
    recent: Vec<usize>,
    pub(crate) broken: Option<usize>,
}

impl Tally {
    pub(crate) fn new(rows: &[&str]) -> Self {
        Self {
            counts: vec![0; rows.len()],
            recent: Vec::new(),
            broken: None,
        }
    }

    /// The row explains a difference here. `as_documented` is whether our side is what the row says it is.
    pub(crate) fn occurs(&mut self, row: usize, as_documented: bool) {
        self.recent.push(row);
        self.holds(row, as_documented);
    }

    /// The same where the difference is one that no guest sees, so that nothing has to be excused.
    pub(crate) fn holds(&mut self, row: usize, as_documented: bool) {
        if let Some(count) = self.counts.get_mut(row) {
            *count += 1;
        }
        if !as_documented {
            self.broken = Some(row);
        }
    }

    /// The rows that occurred since the last call.
    pub(crate) fn take_recent(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.recent)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }
}
