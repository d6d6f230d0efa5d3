//! Instructions, counted by valgrind: the same number on every run of the same program.

use std::env;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The function between whose entry and exit valgrind counts.
const MEASURED: &str = "devstate_bench_measured";

/// Runs a case; what happens inside is what is counted.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn devstate_bench_measured(run: &mut Box<dyn FnMut()>) {
    run();
}

/// How many instructions the case of that name takes, without those of calling it.
pub fn count(case: &str, empty: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(env::current_exe()?)
        .args(["run-once", case])
        .output()
        .context("valgrind does not start; install it with `apt-get install valgrind`")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{case} under valgrind: {errors}");
    }
    let collected = errors
        .lines()
        .find_map(|line| line.split("Collected :").nth(1)?.trim().parse::<u64>().ok())
        .with_context(|| format!("valgrind counted nothing: {errors}"))?;
    Ok(collected.saturating_sub(empty))
}
