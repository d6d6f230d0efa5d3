//! Corrected.
use devstate_versioning::{Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 3, oldest = 2, layouts(0x9baf_0374_4a8d_e585, open))]
pub struct RadioSer {
    pub channel: u16,
    #[versioned(start = 3)]
    pub power: u8,
}

release_table! {
    pub enum Release { V2 = 2 @ 0x9baf_0374_4a8d_e585, V3 = 3 @ open }
    RadioSer => [2, 3],
}
