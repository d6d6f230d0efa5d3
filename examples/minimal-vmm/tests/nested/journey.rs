//! How a guest gets from one process to another.

use std::fmt;

/// A way, and what is written on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journey {
    pub(crate) way: Way,
    pub(crate) release: Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Saved, killed and restored.
    Files,
    /// Moved to a process that waits for it.
    Socket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    Newest,
    /// The oldest, with losses.
    First,
}

impl Journey {
    pub(crate) const SAVED: Self = Self {
        way: Way::Files,
        release: Release::Newest,
    };
    pub(crate) const MOVED: Self = Self {
        way: Way::Socket,
        release: Release::Newest,
    };
    pub(crate) const SAVED_AT_RELEASE_1: Self = Self {
        way: Way::Files,
        release: Release::First,
    };
    pub(crate) const MOVED_AT_RELEASE_1: Self = Self {
        way: Way::Socket,
        release: Release::First,
    };
}

impl Release {
    pub(crate) fn number(self) -> u16 {
        match self {
            Self::First => 1,
            Self::Newest => 2,
        }
    }
}

impl fmt::Display for Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.way {
            Way::Files => "saved, killed and restored in a new process",
            Way::Socket => "moved to another process",
        })?;
        f.write_str(match self.release {
            Release::Newest => "",
            Release::First => ", at release 1",
        })
    }
}
