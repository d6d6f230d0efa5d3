#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod config;
mod deadlines;
mod device;
mod errors;
mod events;
mod hardware;
mod interrupt;
mod line;
mod modem;
mod output;
mod outside;
mod quick;
mod receiver;
mod service;
pub mod spec;
mod state;
mod timers;
mod transmitter;

pub use config::{Config, OutputPolicy};
pub use device::Serial;
pub use errors::CharacterErrors;
pub use events::{NoEvents, SerialEvents};
pub use line::{LineParameters, Parity, StopBits};
pub use modem::{ModemLines, ModemOutputs};
pub use output::{AlwaysReady, Output};
pub use state::{Fifo, SerialState};

#[doc(no_inline)]
pub use devstate_core::{ByteQueue, Clock, Instant, InterruptLine, InvalidState, Unapplied};
