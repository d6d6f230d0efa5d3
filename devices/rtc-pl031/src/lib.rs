#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod device;
mod events;
mod hardware;
pub mod spec;
mod state;

pub use device::Rtc;
pub use events::{NoEvents, RtcEvents};
pub use state::RtcState;

#[doc(no_inline)]
pub use devstate_core::{Clock, Instant, InterruptLine, InvalidState, Unapplied};
