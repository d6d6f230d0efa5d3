//! Corrected.
use devstate_core::{Empty, Region};

pub fn main() {
    let region: Option<Region<'_, Empty>> = None;
    assert!(region.is_none());
}
