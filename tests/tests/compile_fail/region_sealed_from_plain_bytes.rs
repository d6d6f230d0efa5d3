//! A sealed region of bytes that someone else may hold.
use devstate_core::{Region, Sealed};

fn main() {
    let bytes = [0; 8];
    let _sealed: Region<'_, Sealed> = Region::from(&bytes[..]);
}
