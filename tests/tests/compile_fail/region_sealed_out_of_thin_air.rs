//! A sealed region that nobody has sealed.
use devstate_core::{Region, Sealed};

fn main() {
    let _sealed: Region<'_, Sealed> = Region {
        bytes: &[0; 8],
        len: 8,
    };
}
