//! `unit` stands on a field that has no number.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct LampSer {
    #[versioned(unit = "ns")]
    pub enabled: bool,
    pub on_for: Option<u64>,
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    LampSer => [1],
}

fn main() {}
