#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bus;
mod host_clock;
mod input;
mod on_bus;
mod output;
mod signal;
mod timed;

pub use host_clock::HostClock;
pub use input::{Input, Waiting};
pub use on_bus::{OnBus, Shared, access, lock};
pub use output::NonBlocking;
pub use signal::Signal;
pub use timed::Timed;
