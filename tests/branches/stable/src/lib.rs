//! The stable branch of a product. Its releases go on from release 2, and it never had version 3 of the mirror.

use devstate_versioning::{Versioned, release_table};

// <recipe>
/// The fan on the stable branch.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 4,
    branch(4 = 2),
    layouts(0xe11a_6419_ddfb_66c8, 0xd1e7_d9cb_8233_a01c, _, 0x5411_4df6_6843_4d51)
)]
pub struct FanSer {
    /// Turns a minute.
    pub speed: u16,
    /// What to show on the panel.
    pub hint: u8,
    /// Before version 2 a fan could not be switched off.
    #[versioned(start = 2, default_fn = always_on)]
    pub enabled: bool,
    /// The fastest that it may turn. Backported from version 5.
    #[versioned(start = 4, default_fn = no_limit)]
    pub limit: u16,
}

release_table! {
    /// What the stable branch has shipped. Release 3 belongs to the main branch.
    pub enum Release {
        V1 = 1 @ 0xe11a_6419_ddfb_66c8,
        V2 = 2 @ 0xd1e7_d9cb_8233_a01c,
        V2_1 = 4 @ 0x5411_4df6_6843_4d51,
    }
    FanSer => [1, 2, 4],
}
// </recipe>

fn always_on(_version: u16) -> bool {
    true
}

fn no_limit(_version: u16) -> u16 {
    u16::MAX
}
