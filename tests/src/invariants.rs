//! What always holds of each device, whatever guest, host, clock and saved bytes do: a life of random steps, with everything
//! checked after each.
//!
//! The steps are read from bytes, so that `cargo test` (proptest, which shrinks) and `cargo xtask fuzz` (libFuzzer, which
//! looks for new paths) live the same lives. What a device should do is said here once more, by other means than in the
//! device.

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

/// Lives of up to `most` steps, for proptest: each step from bytes of its own, so that a failing life loses the steps that do
/// not matter.
pub fn lives<Step>(most: usize) -> impl Strategy<Value = Vec<Step>>
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
