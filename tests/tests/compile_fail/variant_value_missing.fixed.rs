//! Corrected.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct RateSer {
    pub hertz: u32,
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub enum Mode {
    #[default]
    Off,
    On(RateSer),
    /// An array of any length has one where its elements have.
    Steps([u8; 40]),
}
