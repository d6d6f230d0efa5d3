#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod filling;
mod memory;
mod sealed;

pub use filling::{FillError, Filling};
pub use memory::Memory;
pub use sealed::{Sealed, SealedError};
