//! A variant has the tag of another one.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub enum Mode {
    #[default]
    Off = 0,
    On = 1,
    Blink = 1,
}

fn main() {}
