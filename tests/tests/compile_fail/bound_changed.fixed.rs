//! Corrected.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x3f01_a01d_b767_1753, open))]
pub struct TimerSer {
    #[versioned(bound(1 = 16, 2 = 32))]
    pub received: heapless::Vec<u8, 32>,
}
