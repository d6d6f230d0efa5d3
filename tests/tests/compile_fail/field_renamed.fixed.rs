//! Corrected.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
pub struct TimerSer {
    #[versioned(name = "count")]
    pub ticks: u32,
}
