//! Corrected.
use devstate_core::{Region, Sealed};

pub fn main() {
    let mut bytes = [0; 8];
    let _sealed: Region<'_, Sealed> = Region::from(&mut bytes[..]).seal();
}
