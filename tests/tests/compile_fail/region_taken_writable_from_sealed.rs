//! What a sealed region holds is taken out of it to be written.
use devstate_core::Region;

fn main() {
    let mut memory = [0; 8];
    let sealed = Region::from(&mut memory[..]).seal();
    let bytes: &mut [u8] = sealed.into_bytes();
    bytes.fill(1);
}
