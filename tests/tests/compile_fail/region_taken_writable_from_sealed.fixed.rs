//! Corrected.
use devstate_core::Region;

pub fn main() {
    let mut memory = [0; 8];
    let sealed = Region::from(&mut memory[..]).seal();
    let bytes: &[u8] = sealed.into_bytes();
    assert_eq!(bytes, [0; 8]);
}
