//! Corrected.
use devstate_core::Region;

pub fn main() {
    let mut memory = [0; 8];
    let sealed = Region::from(&mut memory[..]).seal();
    let second = sealed;
    assert_eq!(*sealed, *second);
}
