//! The memory is written to while a sealed region of it is held.
use devstate_core::Region;

fn main() {
    let mut memory = [0; 8];
    let sealed = Region::from(&mut memory[..]).seal();
    memory.fill(1);
    assert_eq!(sealed[0], 0);
}
