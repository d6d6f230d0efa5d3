//! After "remove a field".

use devstate_versioning::{Versioned, release_table};

// <recipe>
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 3, layouts(0xe11a_6419_ddfb_66c8, 0xd1e7_d9cb_8233_a01c, open))]
pub struct FanSer {
    /// Turns a minute.
    pub speed: u16,
    /// Gone since version 3. An older build finds 1, "no hint", there.
    #[versioned(end = 3, default_fn = no_hint)]
    pub hint: u8,
    /// Before version 2 a fan could not be switched off.
    #[versioned(start = 2, default_fn = always_on)]
    pub enabled: bool,
}

fn no_hint(_version: u16) -> u8 {
    1
}
// </recipe>

fn always_on(_version: u16) -> bool {
    true
}

release_table! {
    pub enum Release { V1 = 1 @ 0xe11a_6419_ddfb_66c8, V2 = 2 @ 0xd1e7_d9cb_8233_a01c, V3 = 3 @ open }
    FanSer => [1, 2, 3],
}
