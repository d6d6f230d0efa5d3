//! Corrected.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x098f_33d4_ff39_400c, open))]
pub struct TimerSer {
    #[versioned(bound(1 = 4, 2 = 8))]
    pub channels: [u16; 8],
}
