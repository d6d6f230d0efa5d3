#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod migration;
pub mod packets;
pub mod request;

mod listener;
mod peer;
mod shown;
mod timed;

pub use listener::{ListenError, ListenReason, Listener};
pub use peer::{PeerError, check_peer, is_this_process};
pub use timed::TimedStream;
