//! A published variant was deleted.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0x1379_1e20_d1cf_728d))]
pub enum Mode {
    #[default]
    Off,
    On,
}

fn main() {}
