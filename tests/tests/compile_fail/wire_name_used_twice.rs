//! Two mirrors have one wire name.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
pub struct TimerSer {
    pub count: u32,
}

mod second {
    use devstate_versioning::Versioned;

    #[derive(Versioned, Clone, Default)]
    #[versioned(version = 1, layouts(open))]
    pub struct TimerSer {
        pub on: bool,
    }
}

release_table! {
    pub enum Release { V1_0 = 1 @ open }
    TimerSer => [1],
    second::TimerSer => [1],
}

fn main() {}
