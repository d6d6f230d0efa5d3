//! `cargo xtask faults`: lets every system call of the examples fail, with the scenarios in their `tests/faults.rs`.

use std::fs::File;
use std::io::ErrorKind;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::install::{Skip, program_path};
use crate::process::{cargo, run as run_command};

const SCENARIOS: [&str; 9] = [
    "export",
    "import",
    "serve",
    "save",
    "restore",
    "vmm-save",
    "vmm-restore",
    "vmm-receive",
    "vmm-migrate",
];

/// Lets every system call of save, restore, export and import fail, and kills the program at each of them.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only some calls of each name, with one error and one kill
    #[arg(long)]
    short: bool,
    /// Only calls of this name
    #[arg(long)]
    call: Option<String>,
    /// The scenarios to run; none means all
    #[arg(value_parser = SCENARIOS)]
    scenarios: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut arguments = args.scenarios.clone();
    arguments.extend(args.short.then(|| "--short".to_owned()));
    arguments.extend(args.call.iter().map(|call| format!("--call={call}")));
    inject(&arguments)?;
    Ok(ExitCode::SUCCESS)
}

/// The short form, for `cargo xtask test`. Where guests cannot run, the other scenarios run, and the step says what is missing.
pub(crate) fn step() -> Result<()> {
    inject(&["--short".to_owned()])?;
    match File::options().read(true).write(true).open("/dev/kvm") {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Skip::beyond_this_machine(
            "the scenarios with guests need rights on /dev/kvm: sudo usermod --append --groups kvm \"$USER\", and a new login",
        )
        .into()),
        Err(error) => Err(Skip::beyond_this_machine(format!("the scenarios with guests need /dev/kvm: {error}")).into()),
    }
}

fn inject(arguments: &[String]) -> Result<()> {
    let strace = Command::new(program_path("strace")?)
        .args(["-o", "/dev/null", "true"])
        .output()
        .context("cannot start strace")?;
    if !strace.status.success() {
        let errors = String::from_utf8_lossy(&strace.stderr);
        let why = errors.lines().next().unwrap_or("it says nothing");
        return Err(Skip::beyond_this_machine(format!("strace cannot trace here: {why}")).into());
    }
    // As the step `tests` builds them.
    let words = "test --quiet --workspace --all-features --test faults -- --run";
    run_command(cargo(words).args(arguments))
}
