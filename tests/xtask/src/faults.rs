//! `cargo xtask faults`: lets every system call of a program fail, once with each plausible error, and kills the program at
//! each of them.
//!
//! A scenario is a command, what it finds, and what must hold however it ends. To add one, write it in a file below `faults`
//! after the model of `kv_store.rs`, and add it to [`SCENARIOS`].
//!
//! A scenario runs once as it is, under strace, which counts its system calls. Then it runs again for each of them, with one
//! fault. What the loader and Rust's runtime do before `main`, and before a thread's closure, is left out.

mod calls;
mod kv_store;
mod replay;
mod scenario;
mod strace;
mod vmm;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::faults::calls::Fault;
use crate::faults::scenario::{Scenario, attempt};
use crate::install::program_path;
use crate::process::{cargo, run as run_command};

const SCENARIOS: &[Scenario] = &[
    kv_store::EXPORT,
    kv_store::IMPORT,
    kv_store::SERVE,
    replay::SAVE,
    replay::RESTORE,
    vmm::SAVE,
    vmm::RESTORE,
    vmm::RECEIVE,
    vmm::MIGRATE,
];

/// Calls of one name that the short form takes at most.
const SHORT_CALLS: usize = 6;
/// The same where each run makes virtual machines, which takes longer.
const SHORT_CALLS_WITH_GUESTS: usize = 2;

/// Lets every system call of save, restore, export and import fail, and kills the program at each of them.
///
/// After each fault: nothing half is under a final name, what was there before is unchanged, the program ended with a
/// sentence and without a panic, and a later run works.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only some calls of each name, with one error and one kill
    #[arg(long)]
    short: bool,
    /// Only calls of this name
    #[arg(long)]
    call: Option<String>,
    /// The scenarios to run; none means all
    #[arg(value_parser = SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>())]
    scenarios: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let wanted =
        |scenario: &&Scenario| args.scenarios.is_empty() || args.scenarios.iter().any(|name| name == scenario.name);
    prepare()?;
    for scenario in SCENARIOS.iter().filter(wanted) {
        inject(scenario, args.short, args.call.as_deref())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The short form, for `cargo xtask test`.
pub(crate) fn step() -> Result<()> {
    prepare()?;
    SCENARIOS.iter().try_for_each(|scenario| inject(scenario, true, None))
}

fn prepare() -> Result<()> {
    strace::check(&program_path("strace")?)?;
    let packages = ["devstate-kv-store-export", "devstate-replay", "devstate-minimal-vmm"];
    run_command(
        cargo()
            .arg("build")
            .args(packages.map(|package| format!("-p{package}"))),
    )
}

/// Runs one scenario with every fault, and names all faults after which something does not hold.
fn inject(scenario: &Scenario, short: bool, call: Option<&str>) -> Result<()> {
    let start = Instant::now();
    let name = scenario.name;
    if scenario.needs_kvm && !vmm::can_run_guests() {
        println!("   {name}: skipped, this machine has no /dev/kvm");
        return Ok(());
    }
    let trace = attempt(scenario, None).with_context(|| format!("{name}, without a fault"))?;
    let mut sites: BTreeMap<String, Vec<usize>> = trace.sites();
    sites.retain(|found, _| call.is_none_or(|wanted| wanted == found));
    ensure!(!sites.is_empty(), "{name}: no system call to let fail");
    let (mut runs, mut hits, mut broken) = (0, 0, Vec::new());
    for (call, ordinals) in sites {
        // Of many calls of one name, such as `mmap`, the short form takes some, spread over all of them.
        let step = match (short, scenario.needs_kvm) {
            (true, true) => ordinals.len().div_ceil(SHORT_CALLS_WITH_GUESTS),
            (true, false) => ordinals.len().div_ceil(SHORT_CALLS),
            (false, _) => 1,
        };
        for fault in ordinals
            .iter()
            .step_by(step)
            .flat_map(|ordinal| Fault::all(&call, *ordinal, short))
        {
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
