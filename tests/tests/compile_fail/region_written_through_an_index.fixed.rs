//! Corrected.
use devstate_core::Region;

pub fn main() {
    let mut memory = [0; 8];
    let mut region = Region::from(&mut memory[..]);
    region.as_mut_bytes()[0] = 1;
    let sealed = region.seal();
    assert_eq!(sealed[0], 1);
}
