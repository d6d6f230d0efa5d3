//! Corrected.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 3, layouts(0xbf16_3a3d_d791_3fbe, 0x1962_f423_f4e3_9ad5, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2, end = 3)]
    pub prescaler: u8,
}
