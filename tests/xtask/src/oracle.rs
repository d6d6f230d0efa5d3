//! `cargo xtask oracle`: our devices beside QEMU's, step by step.

use crate::install::program_path;
use crate::process::{cargo, run as run_command};
use anyhow::Result;
use std::process::ExitCode;

/// Drives the same random scripts into QEMU's devices and into ours, and compares every value read and every edge of an
/// interrupt line. `--help` lists the options.
///
/// What differs and stands in no row of the device's DIFFERENCES.md is reported as the shortest script that shows it. A row that
/// never occurred in a run as long as CI's is an error, too: the list is out of date, or the scripts miss something.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Options of the program `devstate-oracle`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    compare(&args.options)?;
    Ok(ExitCode::SUCCESS)
}

/// The share of CI.
pub(crate) fn check() -> Result<()> {
    compare(&[])?;
    compare(&["--migrate=100".to_owned()])
}

fn compare(options: &[String]) -> Result<()> {
    for program in ["qemu-system-x86_64", "qemu-system-aarch64"] {
        program_path(program)?;
    }
    run_command(cargo("run --quiet --release -p devstate-oracle --").args(options))
}
