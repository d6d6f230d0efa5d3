//! A field without an inner snapshot has `inner`.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open), parts(open))]
pub struct BoardSer {
    #[versioned(inner = [1])]
    pub timer: Option<u32>,
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    BoardSer => [1],
}

fn main() {}
