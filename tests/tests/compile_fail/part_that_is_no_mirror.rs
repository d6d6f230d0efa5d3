//! A field that holds no mirror has versions of a part.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open), parts(open))]
pub struct LampSer {
    #[versioned(part = [1])]
    pub level: u8,
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    LampSer => [1],
}

fn main() {}
