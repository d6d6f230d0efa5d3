//! A mirror pins no layouts.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1)]
pub struct TimerSer {
    pub count: u32,
}

fn main() {}
