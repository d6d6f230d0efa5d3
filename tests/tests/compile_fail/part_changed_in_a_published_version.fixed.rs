//! Corrected.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0xcf1f_8a2e_b8bc_d5bc, open))]
pub struct ModeSer {
    pub level: u8,
    #[versioned(start = 2)]
    pub dimmed: bool,
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x38e6_c2a1_f11e_721e, open), parts(0xcc03_91d9_857e_abe8, open))]
pub struct LampSer {
    #[versioned(part = [1, 2])]
    pub mode: ModeSer,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x0806_4cd0_a9db_47da, V2 = 2 @ open }
    LampSer => [1, 2],
}
