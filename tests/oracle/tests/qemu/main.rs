//! QEMU's sections without a QEMU.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

mod cases;
mod page;
mod round_trip;
