//! A field starts at a version that the mirror does not have.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2)]
    pub prescaler: u8,
}

fn main() {}
