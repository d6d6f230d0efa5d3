//! A buffer is smaller than what it is to hold.
use devstate_versioning::{Versioned, buffer};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub count: u32,
}

fn main() {
    let _memory = buffer!(TimerSer, 32);
}
