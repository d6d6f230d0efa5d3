//! Corrected.
use devstate_core::{Region, ResizeError};

pub fn main() -> Result<(), ResizeError> {
    let mut memory = [0; 8];
    let mut region = Region::from(&mut memory[..]);
    region.resize(4)?;
    assert_eq!(region.seal().len(), 4);
    Ok(())
}
