//! Corrected.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0x3f01_a01d_b767_1753))]
pub struct TimerSer {
    pub received: heapless::Vec<u8, 16>,
}
