#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod device;
mod errors;
mod events;
mod fifo;
mod hardware;
mod interrupt;
mod line;
mod modem;
mod output;
mod receiver;
pub mod spec;
mod state;
mod transmitter;

pub use device::Serial;
pub use errors::CharacterErrors;
pub use events::{NoEvents, SerialEvents};
pub use fifo::Fifo;
pub use hardware::Unapplied;
pub use line::{LineParameters, Parity, StopBits};
pub use modem::{ModemLines, ModemOutputs};
pub use output::AlwaysReady;
pub use state::SerialState;

#[doc(no_inline)]
pub use devstate_core::{Clock, Instant, InterruptLine, InvalidState};
