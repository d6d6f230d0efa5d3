//! A variant does not stand where its tag says.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub enum Mode {
    #[default]
    Off = 0,
    Blink = 2,
    On = 1,
}

fn main() {}
