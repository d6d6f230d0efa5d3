//! Server and clients as real processes: the three outcomes of an export, what the seals forbid, and bad clients.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test, which maps memory"
)]

mod attacks;
mod commands;
mod outcomes;
mod paying;
mod printing;
mod server;
mod stopping;
mod users;
