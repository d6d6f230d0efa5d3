//! Two exports into one region.
use devstate_core::{Empty, Region, Sealed};

fn main() {
    let mut memory = [0; 8];
    let region = Region::from(&mut memory[..]);
    let first = export(region);
    let second = export(region);
    assert_eq!(*first, *second);
}

fn export(region: Region<'_, Empty>) -> Region<'_, Sealed> {
    region.seal()
}
