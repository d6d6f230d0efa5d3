//! After "change a bound".

use devstate_versioning::{Versioned, release_table};

// <recipe>
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x36bf_31a3_3755_4858, open))]
pub struct SensorSer {
    /// Eight samples before version 2.
    #[versioned(bound(1 = 8, 2 = 16))]
    pub samples: heapless::Vec<i16, 16>,
}
// </recipe>

release_table! {
    pub enum Release { V1 = 1 @ 0x36bf_31a3_3755_4858, V2 = 2 @ open }
    SensorSer => [1, 2],
}

/// The source before.
pub mod before {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0x36bf_31a3_3755_4858))]
    pub struct SensorSer {
        pub samples: heapless::Vec<i16, 8>,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0x36bf_31a3_3755_4858 }
        SensorSer => [1],
    }
}
