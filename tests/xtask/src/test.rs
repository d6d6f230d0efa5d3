//! `cargo xtask test`: runs every step, and says what it skipped and why.

use crate::install::{self, Skip, is_ci};
use crate::steps::{STEPS, Step};
use anyhow::{Result, bail};
use std::process::ExitCode;
use std::time::Instant;

/// Runs the tests: everything, or the steps named.
///
/// A step that cannot run here is skipped with its reason, and the command that would let it run. Nothing is installed
/// without --install, and nothing outside of the clone is changed but cargo's own folders. With `CI=true` in the
/// environment, what is missing is installed, and a skipped step is a failure, unless nothing could make this machine run it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Names the steps instead of running them
    #[arg(long)]
    list: bool,
    /// Installs what a step needs: Debian's packages where this is root, cargo's tools below `target/tools`
    #[arg(long)]
    install: bool,
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
            println!("{:10} {}", step.name, step.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let report: Vec<_> = steps.into_iter().map(|step| (step, attempt(step))).collect();

    println!("\n== summary");
    for (step, (outcome, seconds)) in &report {
        match outcome {
            Outcome::Passed => println!("passed   {:10} {seconds:4} s", step.name),
            Outcome::Failed(error) => println!("FAILED   {:10} {seconds:4} s  {error}", step.name),
            Outcome::Skipped(reason) => println!("skipped  {:10} {seconds:4} s  {reason}", step.name),
        }
    }
    let count = |wanted: fn(&Outcome) -> bool| report.iter().filter(|(_, (outcome, _))| wanted(outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    println!(
        "{} passed, {failed} failed, {} skipped",
        count(|outcome| matches!(outcome, Outcome::Passed)),
        count(|outcome| matches!(outcome, Outcome::Skipped(_))),
    );
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

fn selected(names: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        bail!("there is no step `{unknown}`; `cargo xtask test --list` names them");
    }
    let wanted = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(wanted).collect())
}

fn attempt(step: &Step) -> (Outcome, u64) {
    println!("\n== {}: {}", step.name, step.what);
    let start = Instant::now();
    let outcome = match (step.run)() {
        Ok(()) => Outcome::Passed,
        Err(error) => match error.downcast_ref::<Skip>() {
            Some(skip) if !(skip.within_reach && is_ci()) => Outcome::Skipped(format!("{error:#}")),
            _ => Outcome::Failed(format!("{error:#}")),
        },
    };
    let seconds = start.elapsed().as_secs();
    match &outcome {
        Outcome::Passed => println!("-- {} passed in {seconds} s", step.name),
        Outcome::Failed(error) => println!("-- {} FAILED in {seconds} s: {error}", step.name),
        Outcome::Skipped(reason) => println!("-- {} skipped: {reason}", step.name),
    }
    (outcome, seconds)
}
