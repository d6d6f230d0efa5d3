//! A field of a variant has a foreign type.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub enum ModeSer {
    #[default]
    Off,
    On(#[versioned(serde, max = 8, layout = "pair/1")] (u8, bool)),
}

release_table! {
    pub enum Release { V1_0 = 1 @ open }
    ModeSer => [1],
}

fn main() {}
