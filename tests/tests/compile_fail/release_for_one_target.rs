//! A release has a condition.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
pub struct TimerSer {
    pub count: u32,
}

release_table! {
    pub enum Release {
        V1 = 1 @ 0xbf16_3a3d_d791_3fbe,
        /// The first release for this target.
        #[cfg(not(windows))]
        V2 = 2 @ open,
    }
    TimerSer => [1, 1],
}

fn main() {}
