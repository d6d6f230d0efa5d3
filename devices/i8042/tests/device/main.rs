//! The i8042 from outside: what its guest and its host see.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests say what they expect by panicking, in their helpers too"
)]

mod drivers;
mod events;
mod support;
mod trace;
