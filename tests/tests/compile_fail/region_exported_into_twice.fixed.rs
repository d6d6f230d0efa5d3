//! Corrected.
use devstate_core::{Empty, Region, Sealed};

pub fn main() {
    let mut memory = [0; 8];
    let (first, second) = memory.split_at_mut(4);
    let first = export(Region::from(first));
    let second = export(Region::from(second));
    assert_eq!(*first, *second);
}

fn export(region: Region<'_, Empty>) -> Region<'_, Sealed> {
    region.seal()
}
