//! A field has no maximum.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct TimerSer {
    pub label: String,
}

fn main() {}
