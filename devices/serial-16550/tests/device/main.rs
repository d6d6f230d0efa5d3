//! The UART from outside: what its guest and its host see.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests say what they expect by panicking, in their helpers too"
)]

mod edges;
mod events;
mod fifo_control;
mod hostile;
mod hosts;
mod interrupts;
mod loopback;
mod modem;
mod outside;
mod policies;
mod reachable;
mod receiver;
mod registers;
mod restore;
mod support;
mod time;
mod timeout;
mod transmitter;
