#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod listener;
mod peer;

pub use listener::{ListenError, ListenReason, Listener};
pub use peer::{PeerError, check_peer, is_this_process};
