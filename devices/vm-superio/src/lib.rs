#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod host_time;
pub mod i8042;
pub mod rtc_pl031;
pub mod serial;
mod trigger;

pub use i8042::I8042Device;
pub use rtc_pl031::{Rtc, RtcState};
pub use serial::{Serial, SerialState};
pub use trigger::Trigger;
