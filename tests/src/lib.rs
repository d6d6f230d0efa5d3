//! What crosses crates: the direction of the arrows, mistakes that must not compile, golden bytes, every release to every
//! release. Most of it is in `tests/`; this library has what the tests share.

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

pub use devstate_golden::generate;
pub mod matrix;
pub mod published;
pub mod sample;

/// The README's code compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The porting guide's code compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../devices/PORTING.md")]
pub struct Porting;
