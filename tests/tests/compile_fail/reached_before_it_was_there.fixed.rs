//! Corrected.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub count: u32,
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0xb942_7df8_e835_3e20, open))]
pub struct BoardSer {
    #[versioned(start = 2)]
    pub timer: TimerSer,
    #[versioned(start = 2)]
    pub led: bool,
}

release_table! {
    pub enum Release { V1_0 = 1 @ 0xb942_7df8_e835_3e20, V1_1 = 2 @ open }
    TimerSer => [_, 1],
    BoardSer => [1, 2],
}
