//! Contracts between emulated devices and whoever hosts them.
//!
//! A device of the devstate family needs four things from its host, and this crate names them without providing any:
//!
//! * a wire to signal interrupts on: [`InterruptLine`], a level, with [`RisingEdge`] for hosts that want edges;
//! * a decision about what a pause meant: [`Clock`], asked for when a saved state is restored;
//! * somewhere to be mapped: [`ByteRegisters`] and [`WordRegisters`] turn bus accesses of any width into register
//!   accesses; [`RegisterIo`] is the opposite direction, from firmware to a real device;
//! * an answer when a saved state cannot be true: [`InvalidState`].
//!
//! [`Region`] is a stretch of the caller's memory whose type says what may still be done with it.
//!
//! No dependencies, no heap, no `unsafe`.

#![no_std]
#![forbid(unsafe_code)]

mod bus;
mod clock;
mod interrupt;
mod invalid_state;
mod region;
mod register_io;

pub use bus::{ByteRegisters, WordRegisters};
pub use clock::Clock;
pub use interrupt::{InterruptLine, NoInterrupt, RisingEdge, Trigger};
pub use invalid_state::InvalidState;
pub use region::{Empty, Region, ResizeError, Rights, Sealed};
pub use register_io::RegisterIo;
