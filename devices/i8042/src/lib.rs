#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod config;
mod control;
mod controller;
mod device;
mod events;
mod hardware;
mod host;
mod key;
mod keyboard;
mod mouse;
mod mouse_input;
mod scan_codes;
pub mod spec;
mod state;

pub use config::Config;
pub use control::{NoControl, SystemControl};
pub use device::I8042;
pub use events::{I8042Events, NoEvents};
pub use hardware::{ApplyError, Device, NoResponse};
pub use key::{Key, KeySet, UnknownKey};
pub use keyboard::{KeyType, KeyboardOption, KeyboardState};
pub use mouse::{MouseArgument, MouseProtocol, MouseState, RateSequence};
pub use mouse_input::{MouseButtons, MouseInput};
pub use scan_codes::{MAX_CODES, ScanCodeSet, ScanCodes};
pub use state::{ControllerReply, I8042State, InputPortPoll, Lock, MAX_PASSWORD, OutputBuffer, PendingCommand};

#[doc(no_inline)]
pub use devstate_core::{ByteQueue, Clock, Instant, InterruptLine, InvalidState, Unapplied};
