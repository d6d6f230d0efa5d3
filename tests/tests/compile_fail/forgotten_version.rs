//! A field was added to a published mirror, and nothing else.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
pub struct TimerSer {
    pub count: u32,
    pub prescaler: u8,
}

fn main() {}
