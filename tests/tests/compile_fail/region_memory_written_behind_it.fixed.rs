//! Corrected.
use devstate_core::Region;

pub fn main() {
    let mut memory = [0; 8];
    let sealed = Region::from(&mut memory[..]).seal();
    assert_eq!(sealed[0], 0);
    memory.fill(1);
}
