#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod control;
mod controller;
mod device;
mod events;
mod hardware;
mod key;
mod keyboard;
mod mouse;
mod queue;
mod scan_codes;
pub mod spec;
mod state;

pub use devstate_core::{InterruptLine, InvalidState};

pub use control::{NoControl, SystemControl};
pub use device::I8042;
pub use events::{I8042Events, NoEvents};
pub use hardware::{ApplyError, NoAnswer, Part, Unapplied};
pub use key::{Key, KeySet, UnknownKey};
pub use keyboard::{KeyType, KeyboardOption, KeyboardState};
pub use mouse::{Knock, MouseArgument, MouseButtons, MouseInput, MouseProtocol, MouseState};
pub use queue::ByteQueue;
pub use scan_codes::{MAX_CODES, ScanCodeSet, ScanCodes};
pub use state::{ControllerReply, I8042State, InputPortPoll, Lock, MAX_PASSWORD, OutputBuffer, PendingCommand};
