//! Where the recipes start: one published version in one published release.

use devstate_versioning::{Versioned, release_table};

// <recipe>
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0xe11a_6419_ddfb_66c8))]
pub struct FanSer {
    /// Turns a minute.
    pub speed: u16,
    pub hint: u8,
}

release_table! {
    pub enum Release { V1 = 1 @ 0xe11a_6419_ddfb_66c8 }
    FanSer => [1],
}
// </recipe>
