//! A field that version 1 lacks has neither `Default` nor `default_fn`.
use devstate_versioning::Versioned;

/// No `Default`: nobody knows the clock's rate.
#[derive(Versioned, Clone)]
#[versioned(version = 1, layouts(open))]
pub struct RateSer {
    pub hertz: u32,
}

#[derive(Versioned, Clone)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2)]
    pub rate: RateSer,
}

fn main() {}
