//! The macros work in a crate without the prelude.

#![no_implicit_prelude]
#![allow(clippy::unwrap_used, clippy::all, clippy::pedantic, reason = "a test")]

mod mirrors {
    ::core::include!("hygiene/mirrors.rs");
}

#[::core::prelude::v1::test]
fn a_crate_without_the_prelude_saves_and_loads() {
    mirrors::my_check();
}
