//! A field starts at version 0.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    #[versioned(start = 0)]
    pub count: u32,
}

fn main() {}
