//! Each device once more, written independently from its manual, and random scripts that compare the two.
//!
//! A script has what guest, host, clock and saved bytes do. After each step the device must say and do what its model
//! says: reads, state, interrupt lines, events, deadline, and the state that comes back from the bytes of its mirror.
//!
//! The steps are read from bytes, so that `cargo test` (proptest, which shrinks) and `cargo xtask fuzz` (libFuzzer, which
//! looks for new paths) run the same scripts.
//!
//! The models are a crate of their own because they know the mirrors, and a device does not.

#![forbid(unsafe_code)]
// Tests say what they expect by panicking, and this is a part of them.
#![allow(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a library for tests alone"
)]

mod clock;
mod hostile;
pub mod i8042;
mod probe;
pub mod rtc;
pub mod serial;
mod wire;

pub use clock::Passing;
pub use hostile::Named;
pub use wire::{Hostile, through_bytes};

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::*;
use std::fmt::Debug;

/// Returns scripts of up to `most` steps, for proptest. Each step has its own bytes, so that proptest can remove the steps of
/// a failing script that do not matter.
pub fn scripts<Step>(most: usize) -> impl Strategy<Value = Vec<Step>>
where
    Step: for<'a> Arbitrary<'a> + Clone + Debug,
{
    let step = prop::collection::vec(any::<u8>(), BYTES_OF_A_STEP).prop_filter_map("bytes of a step", |bytes| {
        Step::arbitrary(&mut Unstructured::new(&bytes)).ok()
    });
    prop::collection::vec(step, 1..most)
}

/// More than almost every step takes; where they run out, the rest is zero.
const BYTES_OF_A_STEP: usize = 40;
