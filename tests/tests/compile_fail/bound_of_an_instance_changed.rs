//! A product changes a const argument of a mirror in a published release.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0x47da_86b6_a81c_100e), instance(64))]
pub struct KeyboardSer<const SPACE: usize> {
    pub macros: heapless::Vec<u8, SPACE>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0xaee3_4126_0fd7_9935 }
    KeyboardSer<2000> => [1],
}

fn main() {}
