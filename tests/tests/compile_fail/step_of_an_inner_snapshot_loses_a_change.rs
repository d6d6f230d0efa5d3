//! A step to another branch loses a change of the inner snapshot.
use devstate_versioning::{Inner, Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 4, branch(3 = 1), layouts(0xbf16_3a3d_d791_3fbe, 0x1962_f423_f4e3_9ad5, 0xe408_2e00_e195_2bd1, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = [2, 4])]
    pub prescaler: u8,
    #[versioned(start = 3)]
    pub enabled: bool,
}

release_table! {
    pub enum Plugin { V1 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ 0x1962_f423_f4e3_9ad5, V2 = 3 from V1 @ 0xe408_2e00_e195_2bd1, V3 = 4 @ open }
    TimerSer => [1, 2, 3, 4],
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 4, branch(3 = 1), layouts(0xaee5_1b95_94b5_3213, 0x756a_a095_356e_7ce6, 0xb666_6560_f442_bf71, open), parts(0xb310_e860_4f3e_6240, 0xf4fb_1b05_c9b2_cc5e, 0x1d6b_27c2_005c_c253, open))]
pub struct BoardSer {
    #[versioned(inner = [1, 2, 3, 4])]
    pub timer: Inner<Plugin, TimerSer, 64>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0xaee5_1b95_94b5_3213, V1_1 = 2 @ 0x756a_a095_356e_7ce6, V2 = 3 @ 0xb666_6560_f442_bf71, V3 = 4 @ open }
    BoardSer => [1, 2, 3, 4],
}

fn main() {}
