//! After "carry the state of a plug-in".

use devstate_versioning::{Inner, Versioned, release_table};

use super::e_released::{FanSer, Release as Fan};

// <recipe>
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 2,
    layouts(0x5d5f_3360_7ba4_9e52, open),
    parts(0x608b_86f0_0e58_ca5c, open)
)]
pub struct RackSer {
    pub height: u8,
    /// A fan of another team, with its own releases: 2 in the first version of the rack, 4 in the second.
    #[versioned(inner = [2, 4])]
    pub fan: Inner<Fan, FanSer, 64>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x5d5f_3360_7ba4_9e52, V2 = 2 @ open }
    RackSer => [1, 2],
}
// </recipe>

/// A program that does not know the fan.
pub mod opaque {
    use devstate_versioning::{Versioned, release_table};

    // <opaque>
    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0x5d5f_3360_7ba4_9e52, open))]
    pub struct RackSer {
        pub height: u8,
        pub fan: heapless::Vec<u8, 64>,
    }
    // </opaque>

    release_table! {
        pub enum Release { V1 = 1 @ 0x5d5f_3360_7ba4_9e52, V2 = 2 @ open }
        RackSer => [1, 2],
    }
}
