//! A second region for the same memory.
use devstate_core::Region;

fn main() {
    let mut memory = [0; 8];
    let region = Region::from(&mut memory[..]);
    let _second = region.clone();
}
