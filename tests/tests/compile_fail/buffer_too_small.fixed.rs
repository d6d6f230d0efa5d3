//! Corrected.
use devstate_versioning::{Versioned, buffer};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub count: u32,
}

pub fn main() {
    let _memory = buffer!(TimerSer, 36);
}
