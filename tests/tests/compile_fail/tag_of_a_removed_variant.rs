//! A new variant has the place, and with it the tag, of a removed one.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x573e_826b_a100_b73a, open))]
pub enum Mode {
    #[default]
    Off,
    #[versioned(start = 2)]
    Blink,
    #[versioned(end = 2)]
    On,
}

fn main() {}
