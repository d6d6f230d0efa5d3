//! Corrected.
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
    #[versioned(start = 2, default_fn = slow)]
    pub rate: RateSer,
}

fn slow(_version: u16) -> RateSer {
    RateSer { hertz: 32_768 }
}
