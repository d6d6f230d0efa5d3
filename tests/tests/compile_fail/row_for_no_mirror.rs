//! A row names a struct that is no mirror.
use devstate_versioning::release_table;

#[derive(Clone, Default)]
pub struct TimerSer {
    pub count: u32,
}

release_table! {
    pub enum Release { V1_0 = 1 @ open }
    TimerSer => [1],
}

fn main() {}
