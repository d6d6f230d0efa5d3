//! Corrected.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct LampSer {
    pub level: u8,
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    LampSer => [1],
}
