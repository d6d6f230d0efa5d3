//! A byte of a sealed region is assigned to.
use devstate_core::Region;

fn main() {
    let mut memory = [0; 8];
    let sealed = Region::from(&mut memory[..]).seal();
    sealed[0] = 1;
}
