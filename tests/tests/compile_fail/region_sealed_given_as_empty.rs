//! What an export gave back is given to another one to write to.
use devstate_core::{Empty, Region, Sealed};

fn main() {
    let mut memory = [0; 8];
    let sealed = export(Region::from(&mut memory[..]));
    export(sealed);
}

fn export(region: Region<'_, Empty>) -> Region<'_, Sealed> {
    region.seal()
}
