//! Corrected.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0x5b93_760f_bc03_d69c))]
pub struct TimerSer {
    pub count: u32,
    pub prescaler: u8,
}
