//! A variant was added to a published enum, and nothing else.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0x573e_826b_a100_b73a))]
pub enum Mode {
    #[default]
    Off,
    On,
    Blink,
}

fn main() {}
