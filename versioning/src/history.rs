//! The parent of each version of a mirror: a line, or a tree with branches.

#![expect(
    clippy::indexing_slicing,
    reason = "runs during constant evaluation, with positions below the length"
)]

/// The parent of each version of a mirror. Most mirrors have no branches: [`History::LINE`]. Each [`Branch`] makes the
/// history a tree:
///
/// ```
/// use devstate_versioning::schema::{Branch, History};
///
/// // 1 ── 2 ── 3 ── 5, and version 4 is a backport on version 2.
/// let history = History {
///     branches: &[Branch { version: 4, from: 2 }, Branch { version: 5, from: 3 }],
///     ..History::LINE
/// };
/// assert_eq!(history.parent(4), 2);
/// assert!(history.leads(2, 4));
/// assert!(!history.leads(3, 4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The oldest version that this source reads and writes. Earlier ones are forgotten.
    pub oldest: u16,
    /// The versions whose parent is not the version before them.
    pub branches: &'static [Branch],
    /// The versions of other branches. This source does not have their layouts.
    pub absent: &'static [u16],
    /// The changes of a mirror with branches. Empty for a mirror without branches.
    pub changes: &'static [Change],
}

/// An entry of [`History::branches`]: a version whose parent is not the version before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The version.
    pub version: u16,
    /// Its parent.
    pub from: u16,
}

/// A change of a mirror, such as a new field, and the versions that made it.
///
/// A change can be on several branches. Then each has a version of its own that made the change: version 5 added a field on
/// the main branch, and version 4 added it on the stable branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The wire name of the field or variant.
    pub name: &'static str,
    /// What changed.
    pub what: ChangeKind,
    /// The first version with the change, for each branch that has the change.
    pub versions: &'static [u16],
}

/// Says what changed in a [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A field or a variant was added.
    Start,
    /// A field or a variant was removed.
    End,
    /// The field has another meaning.
    Meaning,
    /// The field has another bound.
    Bound,
}

impl ChangeKind {
    /// Returns the words before the name of the field, for a message.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Start => "the new",
            Self::End => "the removal of",
            Self::Meaning => "the new meaning of",
            Self::Bound => "the new bound of",
        }
    }
}

impl History {
    /// A history without branches: the parent of each version is the version before it, and none is forgotten.
    pub const LINE: Self = Self {
        oldest: 1,
        branches: &[],
        absent: &[],
        changes: &[],
    };

    /// Returns the parent of `version`. Zero for version 1.
    #[must_use]
    pub const fn parent(&self, version: u16) -> u16 {
        let mut at = 0;
        while at < self.branches.len() {
            if self.branches[at].version == version {
                return self.branches[at].from;
            }
            at += 1;
        }
        version.saturating_sub(1)
    }

    /// Returns `true` if `later` is `earlier` or descends from it.
    #[must_use]
    pub const fn leads(&self, earlier: u16, later: u16) -> bool {
        if self.branches.is_empty() {
            return earlier <= later;
        }
        let mut at = later;
        while at > earlier {
            // A parent is always an earlier version.
            at = self.parent(at);
        }
        at == earlier
    }

    /// Returns `true` if this source does not have the version, because it is forgotten or belongs to another branch.
    #[must_use]
    pub const fn lacks(&self, version: u16) -> bool {
        if version < self.oldest {
            return true;
        }
        let mut at = 0;
        while at < self.absent.len() {
            if self.absent[at] == version {
                return true;
            }
            at += 1;
        }
        false
    }

    /// Returns `true` if `version` has the change: it made the change, or it descends from a version that did.
    #[must_use]
    pub const fn has_change(&self, change: &Change, version: u16) -> bool {
        let mut at = 0;
        while at < change.versions.len() {
            if self.leads(change.versions[at], version) {
                return true;
            }
            at += 1;
        }
        false
    }

    /// Returns a change that version `from` has and version `to` does not.
    #[must_use]
    pub const fn lost_change(&self, from: u16, to: u16) -> Option<&'static Change> {
        let mut at = 0;
        while at < self.changes.len() {
            let change = &self.changes[at];
            if self.has_change(change, from) && !self.has_change(change, to) {
                return Some(change);
            }
            at += 1;
        }
        None
    }

    /// Returns `true` if a mirror with version `from` in one release may have version `to` in the next release.
    ///
    /// This is so if `to` is `from` or descends from it, or if `to` is on another branch and has all changes of `from`.
    #[must_use]
    pub const fn may_step(&self, from: u16, to: u16) -> bool {
        if self.leads(from, to) {
            return true;
        }
        !self.leads(to, from) && self.lost_change(from, to).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{Branch, Change, ChangeKind, History};

    /// 1 ── 2 ── 3 ── 5, and 4 is a backport on 2.
    const TREE: History = History {
        oldest: 1,
        branches: &[Branch { version: 4, from: 2 }, Branch { version: 5, from: 3 }],
        absent: &[],
        changes: &[
            Change {
                name: "queue",
                what: ChangeKind::Start,
                versions: &[3],
            },
            Change {
                name: "quota",
                what: ChangeKind::Start,
                versions: &[4, 5],
            },
        ],
    };

    #[test]
    fn a_version_leads_to_those_that_go_on_from_it() {
        let leads = |earlier| {
            (1..=5)
                .map(|later| TREE.leads(earlier, later))
                .collect::<heapless::Vec<_, 5>>()
        };
        assert_eq!(leads(1), [true, true, true, true, true]);
        assert_eq!(leads(2), [false, true, true, true, true]);
        assert_eq!(leads(3), [false, false, true, false, true]);
        assert_eq!(leads(4), [false, false, false, true, false]);
    }

    #[test]
    fn a_step_to_another_branch_keeps_every_change() {
        assert!(TREE.may_step(4, 5), "both have the quota");
        assert!(!TREE.may_step(3, 4), "the queue is lost");
        assert_eq!(TREE.lost_change(3, 4).map(|change| change.name), Some("queue"));
        assert!(!TREE.may_step(2, 1), "no step goes back");
        assert!(!TREE.may_step(5, 3), "no step goes back");
        assert!(TREE.may_step(2, 2));
    }
}
