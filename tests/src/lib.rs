//! What crosses crates: the direction of the arrows, mistakes that must not compile, golden bytes, every release to every
//! release, QEMU as the oracle. Most of it lies in `tests/`; here is what those share.

#![forbid(unsafe_code)]

/// The README's code compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
