//! Corrected.
use devstate_core::{Empty, Region, Sealed};

pub fn main() {
    let mut memory = [0; 8];
    let mut region = Region::from(&mut memory[..]);
    region.as_mut_bytes().fill(1);
    let sealed = export(region);
    assert_eq!(sealed.len(), 8);
}

fn export(region: Region<'_, Empty>) -> Region<'_, Sealed> {
    region.seal()
}
