//! What came of a replay.

use std::fmt;

use devstate_i8042::Key;

use crate::differences::Difference;
use crate::mirror::Release;
use crate::state::MachineState;

/// What came of replaying one trace, or a part of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The trace's name.
    pub name: String,
    /// Events that were replayed.
    pub events: usize,
    /// Reads whose value was compared with the recorded one.
    pub reads: usize,
    /// Where something was not as recorded, in order of the lines.
    pub mismatches: Vec<Mismatch>,
    /// What was excused, by name.
    pub known: Vec<KnownDifference>,
    /// How often all devices were saved, dropped, and new ones restored from the bytes.
    pub snapshots: usize,
    /// The smallest and the largest snapshot in bytes; zero where there was none.
    pub sizes: (usize, usize),
    /// What an older release could not hold, by field.
    pub losses: Vec<LostField>,
    /// What the UART sent.
    pub console: Vec<u8>,
    /// The keys that the guest was sent.
    pub keys: Vec<KeyStroke>,
    /// Packets that the mouse assembled.
    pub packets: usize,
    /// The machine at the end.
    pub state: MachineState,
}

impl Report {
    /// The one line that says it all.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{}: {} events, {} reads checked, {} mismatches, {} known differences, {} snapshots, {}..{} bytes",
            self.name,
            self.events,
            self.reads,
            self.mismatches.len(),
            self.known.len(),
            self.snapshots,
            self.sizes.0,
            self.sizes.1
        )
    }
}

/// Something that was not as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The trace's file.
    pub file: String,
    /// The line of the event.
    pub line: usize,
    /// What the event was about.
    pub what: String,
    /// What was recorded.
    pub expected: String,
    /// What our devices made of it.
    pub got: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            what,
            expected,
            got,
        } = self;
        write!(f, "{file}:{line}: {what}: expected {expected}, got {got}")
    }
}

/// What a known difference excused.
#[derive(Clone, Copy, Debug)]
pub struct KnownDifference {
    /// Which.
    pub difference: &'static Difference,
    /// How many reads.
    pub reads: usize,
    /// The line of the first.
    pub first_line: usize,
}

impl fmt::Display for KnownDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} reads, first in line {}: {} ({})",
            self.difference.name, self.reads, self.first_line, self.difference.summary, self.difference.manual
        )
    }
}

/// A field that did not come back from a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostField {
    /// The release.
    pub release: Release,
    /// Its path.
    pub field: String,
    /// In how many snapshots.
    pub snapshots: usize,
    /// The line of the event after which it was first.
    pub first_line: usize,
}

/// A key that went down or up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStroke {
    /// Which.
    pub key: Key,
    /// Down.
    pub pressed: bool,
}
