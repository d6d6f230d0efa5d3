//! An annotation of the mirror is misspelt.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(verison = 1, layouts(open))]
pub struct TimerSer {
    pub count: u32,
}

fn main() {}
