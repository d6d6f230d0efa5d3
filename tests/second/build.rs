//! Writes random histories as source: each history once for every release, as the source on that branch was when it was
//! published, once complete, and once after the first releases were forgotten.
//!
//! `SECOND_SEED=7 cargo test -p devstate-second` takes other histories.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "a build script"
)]

use std::fmt::Write;
use std::path::Path;

#[path = "src/builds.rs"]
mod builds;
#[path = "src/fingerprint.rs"]
mod fingerprint;
#[path = "src/history.rs"]
mod history;
#[path = "src/random.rs"]
mod random;
#[path = "src/source.rs"]
mod source;

fn main() {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-env-changed=SECOND_SEED");
    let seed = std::env::var("SECOND_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(builds::SEED);
    let mut out = format!("/// The seed of the histories.\npub const SEED: u64 = {seed};\n\n");
    let mut list = String::new();
    for build in builds::all(seed) {
        let name = format!("h{}_b{}", build.family, build.number);
        let _ = writeln!(out, "mod {name} {{\n{}}}\n", build.history.source());
        let mut roots = Vec::new();
        for (position, mirror) in build.history.roots() {
            let root = format!("{name}_{}", mirror.name.to_lowercase());
            let declared = build.history.name(position, "'a");
            let _ = writeln!(
                out,
                "#[derive(Debug)]\npub struct {root};\nimpl crate::agree::Family for {root} {{\n    type Table = {name}::R;\n    type Of<'a> = {name}::{declared};\n}}"
            );
            roots.push(format!("crate::agree::Root::of::<{root}>()"));
        }
        let _ = writeln!(list, "    vec![{}],", roots.join(", "));
    }
    let _ = writeln!(
        out,
        "/// The roots of each build, in the order of [`crate::builds::all`].\npub fn roots() -> Vec<Vec<crate::agree::Root>> {{\n    vec![\n{list}    ]\n}}"
    );
    let folder = std::env::var("OUT_DIR").unwrap();
    std::fs::write(Path::new(&folder).join("generated.rs"), out).unwrap();
}
