//! Rights that are neither of the two.
use devstate_core::{Region, Rights};

pub enum Everything {}

impl Rights for Everything {
    type Access<'a> = &'a mut [u8];
}

fn main() {
    let _region: Option<Region<'_, Everything>> = None;
}
