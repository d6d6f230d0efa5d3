//! Corrected.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct RateSer {
    pub hertz: u32,
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct ClockSer {
    pub rate: Option<RateSer>,
    /// An array of any length has a value where its elements have.
    pub blocks: heapless::Vec<[u8; 40], 2>,
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    RateSer => [1],
    ClockSer => [1],
}
