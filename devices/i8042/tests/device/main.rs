//! The i8042 from outside: what its guest and its host see.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests say what they expect by panicking, in their helpers too"
)]

mod controller;
mod drivers;
mod events;
mod host;
mod hostile;
mod keyboard;
mod mouse;
mod mouse_queue;
mod output_buffer;
mod password;
mod restore;
mod scan_codes;
mod support;
