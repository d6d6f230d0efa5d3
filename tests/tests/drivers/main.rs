//! Drivers that others wrote, or that behave as theirs do, against our UART: they probe, configure, send and receive, and the
//! device is saved into bytes and restored into a new one between any two of their accesses.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

mod board;
mod freebsd;
mod guest_driver;
mod linux;
