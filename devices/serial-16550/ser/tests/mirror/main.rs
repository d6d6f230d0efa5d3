//! The mirror from outside: both conversions, both versions, and the real vm-superio.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests say what they expect by panicking, in their helpers too"
)]

mod conversion;
mod downgrade;
#[cfg(feature = "serde")]
mod rust_vmms;
mod superio;
mod support;
mod upgrade;
