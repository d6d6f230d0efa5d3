//! A mirror has no version.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
pub struct TimerSer {
    pub count: u32,
}

fn main() {}
