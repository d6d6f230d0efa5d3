//! Corrected.
use devstate_core::{Empty, Region, Sealed};

pub fn main() {
    let (mut memory, mut other) = ([0; 8], [0; 8]);
    let sealed = export(Region::from(&mut memory[..]));
    let another = export(Region::from(&mut other[..]));
    assert_eq!(*sealed, *another);
}

fn export(region: Region<'_, Empty>) -> Region<'_, Sealed> {
    region.seal()
}
