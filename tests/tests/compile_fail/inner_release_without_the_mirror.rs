//! A version names a release that does not have the inner mirror.
use devstate_versioning::{Inner, Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
pub struct TimerSer {
    pub count: u32,
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0x97b1_6448_8657_4ca8))]
pub struct FanSer {
    pub speed: u16,
}

release_table! {
    pub enum Plugin { V1 = 1 @ 0xbf16_3a3d_d791_3fbe, V2 = 2 @ open }
    TimerSer => [1, 1],
    FanSer => [_, 1],
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x8f51_a93f_b448_2f13, open), parts(0x9186_ea3d_283b_986c, open))]
pub struct BoardSer {
    #[versioned(inner = [1, 2])]
    pub fan: Inner<Plugin, FanSer, 64>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x8f51_a93f_b448_2f13, V2 = 2 @ open }
    BoardSer => [1, 2],
}

fn main() {}
