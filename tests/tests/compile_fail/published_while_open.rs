//! A release is published with a mirror whose layout is still open.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub count: u32,
}

release_table! {
    pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe }
    TimerSer => [1],
}

fn main() {}
