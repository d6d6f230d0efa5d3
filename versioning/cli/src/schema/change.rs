//! What a comparison of two schemas finds.

use std::fmt;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The effect on published snapshots.
    pub verdict: Verdict,
    /// What changed, and what to do about it: one clause without a full stop.
    pub what: String,
}

/// The effect of a change on published snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Written snapshots can no longer be read, or are read as something else.
    Breaks,
    /// A new version is missing: of a mirror, or of a mirror in a release.
    NeedsBump,
    /// Old snapshots are read as before.
    Allowed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Breaks => "BREAKS",
            Self::NeedsBump => "NEEDS A BUMP",
            Self::Allowed => "allowed",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12} {}", self.verdict, self.what)
    }
}

/// The changes that were found so far.
#[derive(Default)]
pub(super) struct Report(Vec<Change>);

impl Report {
    pub(super) fn breaks(&mut self, what: String) {
        self.add(Verdict::Breaks, what);
    }

    pub(super) fn needs_bump(&mut self, what: String) {
        self.add(Verdict::NeedsBump, what);
    }

    pub(super) fn allowed(&mut self, what: String) {
        self.add(Verdict::Allowed, what);
    }

    /// Adds a change that matters only to what was published.
    pub(super) fn matters_if(&mut self, published: bool, verdict: Verdict, what: String) {
        self.add(if published { verdict } else { Verdict::Allowed }, what);
    }

    pub(super) fn add(&mut self, verdict: Verdict, what: String) {
        self.0.push(Change { verdict, what });
    }

    /// Returns the changes, the worst ones first.
    pub(super) fn sorted(mut self) -> Vec<Change> {
        self.0.sort_by_key(|change| change.verdict);
        self.0
    }
}
