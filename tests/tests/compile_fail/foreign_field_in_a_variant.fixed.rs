//! Corrected.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct PairSer {
    #[versioned(serde, max = 8, layout = "pair/1")]
    pub pair: (u8, bool),
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open), parts(open))]
pub enum ModeSer {
    #[default]
    Off,
    On(#[versioned(part = [1])] PairSer),
}

release_table! {
    pub enum Release { V1_0 = 1 @ open }
    ModeSer => [1],
}
