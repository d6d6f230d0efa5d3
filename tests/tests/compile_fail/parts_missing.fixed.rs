//! Corrected.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct ModeSer {
    pub level: u8,
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
