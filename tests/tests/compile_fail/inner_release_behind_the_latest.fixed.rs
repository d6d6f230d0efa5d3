//! Corrected.
use devstate_versioning::{Inner, Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, 0x1962_f423_f4e3_9ad5))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2)]
    pub prescaler: u8,
}

release_table! {
    pub enum Plugin { V1 = 1 @ 0xbf16_3a3d_d791_3fbe, V2 = 2 @ 0x1962_f423_f4e3_9ad5 }
    TimerSer => [1, 2],
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open), parts(open))]
pub struct BoardSer {
    #[versioned(inner = [2])]
    pub timer: Inner<Plugin, TimerSer, 64>,
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    BoardSer => [1],
}
