//! A release goes on from one of another branch, whose part has a later version.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x842b_552b_00c5_5f4c, 0xf13d_e208_d51e_d418), name = "BulbSer")]
pub struct BulbSer {
    pub level: u8,
    #[versioned(start = 2)]
    pub hours: u32,
}

#[derive(Versioned, Clone, Default)]
#[versioned(
    version = 4,
    branch(3 = 1),
    layouts(0x010d_cdf9_616f_11a2, 0xbbea_25b1_9638_2223, 0x40e6_c367_6327_dbd8, open),
    parts(0xdfd5_be68_783d_6c2b, 0x29a2_d1d3_0e99_5cd6, 0x7a12_093f_c1b1_5021, open)
)]
pub struct LampSer {
    #[versioned(part = [1, 2, 1, 2])]
    pub bulb: BulbSer,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x8539_2324_6234_70ee, V1_1 = 2 @ 0xad28_07ba_6b56_f63b, V2 = 3 @ 0xc512_1892_63ed_3b24, V3 = 4 @ open }
    LampSer => [1, 2, 3, 4],
}

fn main() {}
