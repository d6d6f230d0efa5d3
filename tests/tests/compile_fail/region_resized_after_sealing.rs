//! A sealed region is resized.
use devstate_core::{Region, ResizeError};

fn main() -> Result<(), ResizeError> {
    let mut memory = [0; 8];
    let mut sealed = Region::from(&mut memory[..]).seal();
    sealed.resize(4)
}
