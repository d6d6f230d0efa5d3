//! Runs the program: what becomes of guests, sockets and terminals when something goes wrong around them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod kernel;
mod messages;
mod moves;
mod signals;
mod users;
mod vmm;
