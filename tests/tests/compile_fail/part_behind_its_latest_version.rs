//! The part has a new version, and the owner has none that has it.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0xcf1f_8a2e_b8bc_d5bc, open))]
pub struct ModeSer {
    pub level: u8,
    #[versioned(start = 2)]
    pub dimmed: bool,
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open), parts(open))]
pub struct LampSer {
    #[versioned(part = [1])]
    pub mode: ModeSer,
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    LampSer => [1],
}

fn main() {}
