//! `bound` stands on a field without a bound.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x0317_9f01_4f37_ed0b, open))]
pub struct SensorSer {
    #[versioned(bound(1 = 8, 2 = 16))]
    pub count: u32,
    #[versioned(bound(1 = 8, 2 = 16))]
    pub samples: heapless::Vec<i16, 16>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x0317_9f01_4f37_ed0b, V2 = 2 @ open }
    SensorSer => [1, 2],
}

fn main() {}
