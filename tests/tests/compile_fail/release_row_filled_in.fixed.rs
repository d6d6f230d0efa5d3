//! Corrected.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
pub struct TimerSer {
    pub count: u32,
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0x9e3f_6a37_5473_42cc))]
pub struct LedSer {
    pub on: bool,
}

release_table! {
    pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ open }
    TimerSer => [1, 1],
    LedSer => [_, 1],
}
