//! The stable branch names a version that only the main branch has.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 4, branch(4 = 2), layouts(0x8381_62e7_83d7_a611, 0x56d3_0a21_29fb_d6dd, _, 0x8aa9_7df5_ac93_3cc6))]
pub struct DiskSer {
    pub sectors: u64,
    #[versioned(start = 2)]
    pub read_only: bool,
    #[versioned(start = 4)]
    pub quota: u64,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x8381_62e7_83d7_a611, V2 = 2 @ 0x56d3_0a21_29fb_d6dd, V3 = 3 @ 0x1f, V2_1 = 4 from V2 @ 0x8aa9_7df5_ac93_3cc6 }
    DiskSer => [1, 2, 3, 4],
}

fn main() {}
