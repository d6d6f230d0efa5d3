//! What this firmware keeps, and what it has shipped.

use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_versioning::{Versioned, release_table};

/// The board: its clock, and how often it had been started when it was saved.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(open))]
pub struct BoardSer {
    pub starts: u32,
    pub rtc: RtcStateSer,
}

release_table! {
    /// The firmware's releases. The clock's first version is another product's history: this one began with the second.
    pub enum Release { V1_0 = 1 @ open }
    BoardSer => [1],
    RtcStateSer => [2],
}
