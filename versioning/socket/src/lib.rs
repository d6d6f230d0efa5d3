#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod migration;
pub mod packets;
pub mod request;

mod directory;
mod listener;
mod peer;
mod shown;
mod timed;

pub use directory::{DirectoryError, private_directory};
pub use listener::{ListenError, ListenReason, Listener};
pub use peer::{PeerError, check_peer, is_this_process};
pub use timed::TimedStream;
