//! A second implementation of the format and of what versions mean, written from FORMAT.md alone. It works on histories that
//! are data. `build.rs` writes random ones as source, for every release as the source on its branch was then. `tests/agree.rs`
//! compares the two: bytes, fingerprints, losses, refusals, lengths, and the fields that errors lead to.

#![forbid(unsafe_code)]
// Tests say what they expect by panicking, and this is a part of them.
#![allow(
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::needless_for_each,
    clippy::panic,
    clippy::return_self_not_must_use,
    clippy::unwrap_used,
    reason = "a library for tests alone"
)]

pub mod agree;
pub mod builds;
pub mod decode;
pub mod fingerprint;
pub mod history;
pub mod random;
pub mod snapshot;
pub mod source;
pub mod translate;
pub mod value;

/// The random histories as source.
#[allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    non_camel_case_types,
    clippy::all,
    clippy::pedantic,
    reason = "generated"
)]
pub mod generated {
    include!(concat!(env!("OUT_DIR"), "/generated.rs"));
}
