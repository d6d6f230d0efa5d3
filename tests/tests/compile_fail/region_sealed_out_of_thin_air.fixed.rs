//! Corrected.
use devstate_core::{Region, Sealed};

pub fn main() {
    let mut memory = [0; 8];
    let region = Region::from(&mut memory[..]);
    let _sealed: Region<'_, Sealed> = region.seal();
}
