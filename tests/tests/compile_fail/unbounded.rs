//! A field has no maximum.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub received: Vec<u8>,
}

fn main() {}
