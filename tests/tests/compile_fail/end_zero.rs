//! A field ends with version 0, so no version would have it.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x5b93_760f_bc03_d69c, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(end = 0)]
    pub prescaler: u8,
}

fn main() {}
