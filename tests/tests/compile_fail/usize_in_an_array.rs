//! An array holds a width that depends on the machine.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub counts: [usize; 4],
}

fn main() {}
