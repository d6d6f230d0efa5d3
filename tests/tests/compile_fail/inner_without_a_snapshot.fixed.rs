//! Corrected.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct BoardSer {
    pub timer: Option<u32>,
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    BoardSer => [1],
}
