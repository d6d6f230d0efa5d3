//! A tuple holds something without a maximum.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub received: (u8, Vec<u8>),
}

fn main() {}
