//! After "add a field".

use devstate_versioning::{Versioned, release_table};

// <recipe>
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xe11a_6419_ddfb_66c8, open))]
pub struct FanSer {
    /// Turns a minute.
    pub speed: u16,
    pub hint: u8,
    /// Before version 2 a fan could not be switched off.
    #[versioned(start = 2, default_fn = always_on)]
    pub enabled: bool,
}

fn always_on(_version: u16) -> bool {
    true
}

release_table! {
    pub enum Release { V1 = 1 @ 0xe11a_6419_ddfb_66c8, V2 = 2 @ open }
    FanSer => [1, 2],
}
// </recipe>
