//! A new field has the name of a removed one.
use devstate_versioning::Versioned;

#[derive(Versioned)]
#[versioned(version = 3, layouts(0x4a00_0c87_3033_8c66, 0xa409_3f86_d3bc_3f49, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(end = 2)]
    pub hint: u8,
    #[versioned(start = 3)]
    pub hint: u32,
}

fn main() {}
