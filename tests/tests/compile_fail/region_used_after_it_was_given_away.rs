//! An empty region is written to after it was given away.
use devstate_core::{Empty, Region, Sealed};

fn main() {
    let mut memory = [0; 8];
    let mut region = Region::from(&mut memory[..]);
    let sealed = export(region);
    region.as_mut_bytes().fill(1);
    assert_eq!(sealed.len(), 8);
}

fn export(region: Region<'_, Empty>) -> Region<'_, Sealed> {
    region.seal()
}
