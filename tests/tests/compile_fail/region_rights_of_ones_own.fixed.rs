//! Corrected.
use devstate_core::{Empty, Region};

pub fn main() {
    let _region: Option<Region<'_, Empty>> = None;
}
