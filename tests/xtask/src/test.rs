//! `cargo xtask test`: runs every step, and says what it skipped and why.

use crate::install;
use crate::lanes::{self, Outcome};
use crate::steps::{STEPS, Step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Runs the tests: everything, or the steps named.
///
/// A step that cannot run here is skipped with its reason, and the command that would let it run. Nothing is installed
/// without --install, and nothing outside of the clone is changed but cargo's own folders. With `CI=true` in the
/// environment, what is missing is installed, and a skipped step is a failure, unless nothing could make this machine run it.
///
/// Steps that build in folders of their own run beside those that build in `target`, and their output is printed when they end.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Names the steps instead of running them
    #[arg(long)]
    list: bool,
    /// Installs what a step needs: Debian's packages where this is root, cargo's tools below `target/tools`
    #[arg(long)]
    install: bool,
    /// Writes the outcome of each step to a file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Steps to run, in the list's order; none means all
    steps: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.install {
        install::allow();
    }
    let steps = selected(&args.steps)?;
    if args.list {
        for step in steps {
            println!("{:11} {}", step.name, step.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let start = Instant::now();
    let report = lanes::run(steps);
    if let Some(file) = &args.report {
        fs::write(file, serde_json::to_vec(&report)?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let count = |wanted: fn(&Outcome) -> bool| report.iter().filter(|attempt| wanted(&attempt.outcome)).count();
    let passed = count(|outcome| matches!(outcome, Outcome::Passed));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
    // One step has already said what became of it.
    if report.len() > 1 {
        println!("\n== summary");
        for attempt in &report {
            println!("{attempt}");
        }
        let seconds = start.elapsed().as_secs();
        println!("{passed} passed, {failed} failed, {skipped} skipped in {seconds} s");
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn selected(names: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        bail!("there is no step `{unknown}`; `cargo xtask test --list` names them");
    }
    let wanted = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(wanted).collect())
}
