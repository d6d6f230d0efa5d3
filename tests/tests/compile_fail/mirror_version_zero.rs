//! A mirror has version 0.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 0, layouts(open))]
pub struct TimerSer {
    pub count: u32,
}

fn main() {}
