//! The owner has a new version, and the list of its part has none for it.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct ModeSer {
    pub level: u8,
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x38e6_c2a1_f11e_721e, open), parts(0xcc03_91d9_857e_abe8, open))]
pub struct LampSer {
    #[versioned(part = [1])]
    pub mode: ModeSer,
    #[versioned(start = 2)]
    pub hours: u32,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x0806_4cd0_a9db_47da, V2 = 2 @ open }
    LampSer => [1, 2],
}

fn main() {}
