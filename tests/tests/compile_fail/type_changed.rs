//! A published field has another type.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
pub struct TimerSer {
    pub count: i32,
}

fn main() {}
