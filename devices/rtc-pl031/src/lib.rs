#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
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
