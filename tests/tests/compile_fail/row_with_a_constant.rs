//! A row has a constant in place of a number.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub count: u32,
}

const LATEST: u16 = 1;

release_table! {
    pub enum Release { V1_0 = 1 @ open }
    TimerSer => [LATEST],
}

fn main() {}
