//! The name of a release table is a constant.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
pub struct TimerSer {
    pub count: u32,
}

const NAME: &str = "acme-lamp";

release_table! {
    pub enum Release = NAME { V1 = 1 @ open }
    TimerSer => [1],
}

fn main() {}
