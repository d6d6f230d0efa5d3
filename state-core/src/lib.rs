#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod bus;
mod clock;
mod instant;
mod interrupt;
mod invalid_state;
mod region;
mod register_io;

pub use bus::{ByteRegisters, WordRegisters};
pub use clock::Clock;
pub use instant::Instant;
pub use interrupt::{InterruptLine, NoInterrupt, RisingEdge, Trigger};
pub use invalid_state::InvalidState;
pub use region::{Empty, Region, ResizeError, Rights, Sealed};
pub use register_io::RegisterIo;
