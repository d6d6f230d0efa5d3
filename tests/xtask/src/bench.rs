//! `cargo xtask bench`: the measurements beside peers, and the table of counts.

use crate::install::{Skip, program_path};
use crate::process::{cargo, output, program, run as run_command};
use crate::workspace;
use anyhow::{Context, Result};
use std::fs;
use std::process::ExitCode;

/// Measures devstate beside others that do the same, and compares its instruction counts with tests/bench/counts.tsv.
#[derive(clap::Args)]
#[group(multiple = false)]
pub(crate) struct Args {
    /// Makes what is counted the table
    #[arg(long)]
    accept: bool,
    /// Takes times instead, of everything
    #[arg(long)]
    times: bool,
    /// Counts, takes times, and writes BENCHMARKS.md, its pictures and the table
    #[arg(long)]
    report: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match args {
        Args { accept: true, .. } => measure(&["check", "--accept"])?,
        Args { times: true, .. } => measure(&["times"])?,
        Args { report: true, .. } => measure(&["report"])?,
        _ => measure(&["check"])?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The step `bench-check` of the tests.
pub(crate) fn check() -> Result<()> {
    // The unit tests need neither Valgrind nor the compiler of the table.
    run_command(&mut cargo(
        "test --manifest-path tests/bench/Cargo.toml --bin devstate-bench",
    ))?;
    program_path("valgrind")?;
    same_compiler()?;
    measure(&["check"])
}

fn measure(arguments: &[&str]) -> Result<()> {
    run_command(cargo("run --release --manifest-path tests/bench/Cargo.toml --").args(arguments))
}

/// Counts belong to a compiler and an architecture; the table's first line names its own.
fn same_compiler() -> Result<()> {
    let path = workspace::root().join("tests/bench/counts.tsv");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let counted = text.lines().next().unwrap_or_default().trim_start_matches("# ");
    let rustc = output(program("rustc").arg("--version"))?;
    let here = format!("{} {}", rustc.trim(), std::env::consts::ARCH);
    if counted == here {
        return Ok(());
    }
    let version = counted.split_whitespace().nth(1).unwrap_or_default();
    let command = format!("rustup run {version} cargo xtask test bench-check");
    let reason = format!("the table of counts belongs to `{counted}`, and this is `{here}`: {command}");
    Err(Skip::beyond_this_machine(reason).into())
}
