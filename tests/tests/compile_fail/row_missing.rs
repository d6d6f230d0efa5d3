//! A mirror is saved that has no row in the release table.
use devstate_versioning::{ReleaseTable, Versioned, buffer, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2)]
    pub prescaler: u8,
}

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct LedSer {
    pub on: bool,
}

release_table! {
    pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ open }
    TimerSer => [1, 2],
}

fn main() {
    let mut memory = buffer!(LedSer);
    let _ = Release::save(&LedSer { on: true }, &mut memory);
}
