#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod bus;
mod byte_queue;
mod clock;
mod instant;
mod interrupt;
mod invalid_state;
mod region;
mod register_io;
mod unapplied;

pub use bus::{ByteRegisters, RepeatedAccess, WordRegisters};
pub use byte_queue::ByteQueue;
pub use clock::Clock;
pub use instant::Instant;
pub use interrupt::{InterruptLine, NoInterrupt, RisingEdge, SharedLevel, Trigger};
pub use invalid_state::InvalidState;
pub use region::{Empty, Region, ResizeError, Rights, Sealed};
pub use register_io::RegisterIo;
pub use unapplied::Unapplied;
