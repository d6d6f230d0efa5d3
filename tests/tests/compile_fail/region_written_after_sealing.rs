//! A sealed region is written to.
use devstate_core::Region;

fn main() {
    let mut memory = [0; 8];
    let mut sealed = Region::from(&mut memory[..]).seal();
    sealed.as_mut_bytes().fill(1);
}
