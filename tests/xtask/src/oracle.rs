//! `cargo xtask oracle`: our devices beside QEMU's, step by step.

use crate::install::program_path;
use crate::process::{cargo, run as run_command};
use anyhow::Result;
use std::process::ExitCode;

/// Drives the same random scripts into QEMU's devices and into ours, and compares every value read and every edge of an
/// interrupt line.
///
/// What differs and stands in no row of the device's DIFFERENCES.md is reported as the shortest script that shows it, a
/// unit test ready to paste. A row that never occurred in a run as long as CI's is an error, too: the list is out of date,
/// or the scripts miss something.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Steps for each device
    #[arg(long, default_value_t = OPERATIONS)]
    operations: u64,
    /// Where scripts start from: the same seed makes the same ones
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Only this device, by the name that the report gives it
    #[arg(long)]
    device: Option<String>,
    /// After which steps our side is saved and restored into a new device: never, sometimes or always
    #[arg(long, default_value = SAVE)]
    save: String,
    /// Nothing but moves: in so many scripts for each device, it moves out of QEMU, and into another one
    #[arg(long)]
    migrate: Option<u64>,
}

/// What CI runs.
const OPERATIONS: u64 = 100_000;
const SEED: u64 = 1;
const SAVE: &str = "sometimes";
const MOVES: u64 = 100;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    for program in ["qemu-system-x86_64", "qemu-system-aarch64"] {
        program_path(program)?;
    }
    let mut command = cargo();
    command.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "devstate-tests",
        "--bin",
        "oracle",
        "--",
    ]);
    command.arg(format!("--operations={}", args.operations));
    command.arg(format!("--seed={}", args.seed));
    command.arg(format!("--save={}", args.save));
    if let Some(scripts) = args.migrate {
        command.arg(format!("--migrate={scripts}"));
    }
    if let Some(device) = &args.device {
        command.arg(format!("--device={device}"));
    }
    run_command(&mut command).map(|()| ExitCode::SUCCESS)
}

/// The share of CI.
pub(crate) fn check() -> Result<()> {
    for migrate in [None, Some(MOVES)] {
        let args = Args {
            operations: OPERATIONS,
            seed: SEED,
            device: None,
            save: SAVE.to_owned(),
            migrate,
        };
        run(&args)?;
    }
    Ok(())
}
