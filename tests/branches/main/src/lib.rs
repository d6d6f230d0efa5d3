//! The main branch of a product, which reads and writes the releases of the stable branch too.

use devstate_versioning::{Versioned, release_table};

// <recipe>
/// The fan on the main branch.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 5,
    branch(4 = 2, 5 = 3),
    layouts(0xe11a_6419_ddfb_66c8, 0xd1e7_d9cb_8233_a01c, 0x193f_45b7_cd91_229b, 0x5411_4df6_6843_4d51, open)
)]
pub struct FanSer {
    /// Turns a minute.
    pub speed: u16,
    /// Gone since version 3. The parent of version 4 is version 2, so version 4 has it.
    #[versioned(end = 3, default_fn = no_hint)]
    pub hint: u8,
    /// Before version 2 a fan could not be switched off.
    #[versioned(start = 2, default_fn = always_on)]
    pub enabled: bool,
    /// The fastest that it may turn. Version 4 brought it to the stable branch, and version 5 to this one.
    #[versioned(start = [4, 5], default_fn = no_limit)]
    pub limit: u16,
}

release_table! {
    /// What both branches have shipped.
    pub enum Release {
        V1 = 1 @ 0xe11a_6419_ddfb_66c8,
        V2 = 2 @ 0xd1e7_d9cb_8233_a01c,
        V3 = 3 @ 0x193f_45b7_cd91_229b,
        V2_1 = 4 from V2 @ 0x5411_4df6_6843_4d51,
        V4 = 5 from V3 @ open,
    }
    FanSer => [1, 2, 3, 4, 5],
}
// </recipe>

fn no_hint(_version: u16) -> u8 {
    1
}

fn always_on(_version: u16) -> bool {
    true
}

fn no_limit(_version: u16) -> u16 {
    u16::MAX
}
