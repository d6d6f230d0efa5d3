//! `cargo xtask vmm`: boots Linux in `minimal-vmm`, saves it, kills the VMM, and sees the guest go on.
//!
//! Three machines, each inside the other: this one runs QEMU, which emulates a processor with a virtualisation
//! extension; the *host* is Debian's kernel in it, with KVM; the *guest* is the same kernel in `minimal-vmm`. So it needs
//! no `/dev/kvm` and runs the same everywhere.

mod aarch64;
mod console;
mod cpio;
mod guest;
mod host;
mod images;
mod journey;
mod measure;
mod moves;
mod packages;
mod scenario;
mod shares;
mod snapshots;
mod terminal;
mod x86_64;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::process::{program, run_side_by_side};
use crate::vmm::host::Machine;
use crate::workspace;

/// Boots Linux in `minimal-vmm`, saves it, kills the VMM, and sees the guest go on in another process.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The architectures to try; none means all
    #[arg(value_enum)]
    architectures: Vec<Architecture>,
    /// How often
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// QEMU's accelerator: `kvm` where this machine has nested virtualisation
    #[arg(long, default_value = "tcg")]
    accel: String,
    /// Measure instead what a guest feels, on this machine's KVM, in `target/release/minimal-vmm` or in another build
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, default_missing_value = "target/release/minimal-vmm")]
    measure: Option<PathBuf>,
}

/// Of the host and of the guest in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "aarch64")]
    Aarch64,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if let Some(vmm) = &args.measure {
        measure::run(&workspace::root().join(vmm))?;
        return Ok(ExitCode::SUCCESS);
    }
    let architectures = match args.architectures.as_slice() {
        [] => Architecture::value_variants(),
        some => some,
    };
    for time in 1..=args.times {
        for architecture in architectures {
            if args.times > 1 {
                println!("## {architecture:?}, time {time} of {}", args.times);
            }
            try_out(*architecture, &args.accel)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All architectures side by side, for `cargo xtask test`. Each is emulated by one thread.
pub(crate) fn step() -> Result<()> {
    let mut commands = Vec::new();
    for architecture in Architecture::value_variants() {
        // Here, because only this process may install what is missing, and a step that cannot run is skipped.
        host::emulator(*architecture)?;
        images::build(*architecture)?;
        let mut command = program(std::env::current_exe()?);
        command
            .arg("vmm")
            .args(architecture.to_possible_value().iter().map(PossibleValue::get_name));
        commands.push(command);
    }
    run_side_by_side(commands)
}

fn try_out(architecture: Architecture, accelerator: &str) -> Result<()> {
    let start = Instant::now();
    let images = images::build(architecture)?;
    let mut machine = Machine::start(architecture, accelerator, &images)?;
    let outcome = match architecture {
        Architecture::X86_64 => x86_64::run(&mut machine),
        Architecture::Aarch64 => aarch64::run(&mut machine),
    };
    if outcome.is_err() {
        machine.show_transcript();
    }
    outcome.with_context(|| format!("minimal-vmm on {architecture:?}"))?;
    println!("   {architecture:?}: all of it in {} s", start.elapsed().as_secs());
    Ok(())
}
