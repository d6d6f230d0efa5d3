//! A later release has a lower number.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2)]
    pub prescaler: u8,
}

release_table! {
    pub enum Release { V1_0 = 2 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 1 @ open }
    TimerSer => [1, 2],
}

fn main() {}
