//! A release has the name of an item that the macro declares.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub count: u32,
}

release_table! {
    pub enum Release { LATEST = 1 @ open }
    TimerSer => [1],
}

fn main() {}
