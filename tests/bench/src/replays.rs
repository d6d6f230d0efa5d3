//! The rate of a replay, which another program measures: `src/bin/replay-rate.rs`.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Returns how many events a second two recorded guests take, with a save and a restore of three devices after each.
pub fn rate() -> Result<f64> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "run",
        "--quiet",
        "--release",
        "--bin",
        "replay-rate",
        "--manifest-path",
        manifest,
    ]);
    let output = cargo.output().context("cargo does not start")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rate = String::from_utf8_lossy(&output.stdout).trim().parse();
    rate.context("the replay printed no rate")
}
