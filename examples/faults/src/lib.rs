//! Lets every system call of a program fail, once with each plausible error, and kills the program at each of them.
//!
//! A [`Scenario`] is a command, what it finds, and what must hold however it ends. It runs once as it is, under strace, which
//! counts its system calls. Then it runs again for each of them, with one fault. What the loader and Rust's runtime do before
//! `main`, and before a thread's closure, is left out.
//!
//! An example has its scenarios in `tests/faults.rs`, which calls [`main`]. `cargo xtask faults` runs them all.

mod calls;
mod scenario;
mod strace;

use std::fs::File;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;

use crate::calls::Fault;
use crate::scenario::attempt;
pub use crate::scenario::{Ended, Running, Scenario, holds_only, later};

/// Calls of one name that the short form takes at most.
const SHORT_CALLS: usize = 6;
/// The same where each run makes virtual machines, which takes longer.
const SHORT_CALLS_WITH_GUESTS: usize = 2;

/// Lets every system call of save, restore, export and import fail, and kills the program at each of them.
///
/// After each fault: nothing half is under a final name, what was there before is unchanged, the program ended with a
/// sentence and without a panic, and a later run works.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask faults")]
struct Args {
    /// Runs: without it, as in `cargo test`, nothing happens
    #[arg(long)]
    run: bool,
    /// Only some calls of each name, with one error and one kill
    #[arg(long)]
    short: bool,
    /// Only calls of this name
    #[arg(long)]
    call: Option<String>,
    /// The scenarios to run; none means all
    scenarios: Vec<String>,
}

/// Runs the scenarios that the arguments of this process name.
#[must_use]
pub fn main(scenarios: &[Scenario]) -> ExitCode {
    // Arguments of libtest's mean that somebody tests the workspace.
    let args = match Args::try_parse() {
        Ok(args) if args.run => args,
        _ => return ExitCode::SUCCESS,
    };
    let wanted =
        |scenario: &&Scenario| args.scenarios.is_empty() || args.scenarios.iter().any(|name| name == scenario.name);
    let mut wanted = scenarios.iter().filter(wanted);
    match wanted.try_for_each(|scenario| inject(scenario, &args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one scenario with every fault, and names all faults after which something does not hold.
fn inject(scenario: &Scenario, args: &Args) -> Result<()> {
    let start = Instant::now();
    let name = scenario.name;
    if scenario.needs_kvm
        && let Err(error) = File::options().read(true).write(true).open("/dev/kvm")
    {
        println!("   {name}: skipped, it needs /dev/kvm: {error}");
        return Ok(());
    }
    let trace = attempt(scenario, None).with_context(|| format!("{name}, without a fault"))?;
    let mut sites = trace.sites();
    sites.retain(|found, _| args.call.as_ref().is_none_or(|wanted| wanted == found));
    ensure!(!sites.is_empty(), "{name}: no system call to let fail");
    let (mut runs, mut hits, mut broken) = (0, 0, Vec::new());
    for (call, ordinals) in sites {
        // Of many calls of one name, such as `mmap`, the short form takes some, spread over all of them.
        let step = match (args.short, scenario.needs_kvm) {
            (true, true) => ordinals.len().div_ceil(SHORT_CALLS_WITH_GUESTS),
            (true, false) => ordinals.len().div_ceil(SHORT_CALLS),
            (false, _) => 1,
        };
        let ordinals = ordinals.into_iter().step_by(step);
        for fault in ordinals.flat_map(|ordinal| Fault::all(&call, ordinal, args.short)) {
            runs += 1;
            match attempt(scenario, Some(&fault)) {
                Ok(trace) => hits += usize::from(trace.hit(&fault)),
                Err(error) => {
                    println!("   {name}: {fault}: {error:#}");
                    broken.push(fault);
                }
            }
        }
    }
    let seconds = start.elapsed().as_secs();
    println!(
        "   {name}: {runs} faults, {hits} of them met, {} broke something, {seconds} s",
        broken.len()
    );
    if let Some(first) = broken.first() {
        bail!("{name}: {} faults broke something, the first: {first}", broken.len());
    }
    // A call's number can differ from run to run where threads share the work, but not mostly.
    ensure!(hits * 2 > runs, "{name}: only {hits} of {runs} faults were met");
    Ok(())
}
