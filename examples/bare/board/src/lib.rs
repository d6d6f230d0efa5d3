//! What the firmware examples' boards have in common: memory that outlives a reset, registers in memory, and a UART to
//! look after.

#![no_std]

mod kept;
mod mapped;
pub mod uart;

pub use kept::{FLASH_LEN, Kept, kept};
pub use mapped::Mapped;
