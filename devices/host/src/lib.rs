#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod image;
pub mod keyboard;

mod console;
mod error;
mod messages;
mod signals;

pub use console::{Screen, Terminal};
/// A key of a [`keyboard::KeyEvent`].
#[doc(no_inline)]
pub use devstate_i8042::Key;
pub use error::HostError;
pub use messages::Messages;
pub use signals::Signals;
