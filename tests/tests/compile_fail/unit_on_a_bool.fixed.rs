//! `unit` stands on the field that has the number.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct LampSer {
    pub enabled: bool,
    #[versioned(unit = "ns")]
    pub on_for: Option<u64>,
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    LampSer => [1],
}

fn main() {}
