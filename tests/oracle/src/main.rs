//! `cargo run --release -p devstate-oracle`: scripts against a live QEMU.

use anyhow::Result;
use clap::Parser;
use devstate_oracle::{Device, Saving, Settings, Travels, machine_types, stalled_output};
use std::process::ExitCode;

/// Drives the same random scripts into QEMU's devices and into ours, and compares every step.
#[derive(Parser)]
struct Args {
    /// Steps for each device
    #[arg(long, default_value_t = ENOUGH)]
    operations: u64,
    /// Where scripts start from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this device
    #[arg(long)]
    device: Option<Device>,
    /// After which steps our side is saved and restored into a new device
    #[arg(long, value_enum, default_value = "sometimes")]
    save: Saving,
    /// In so many scripts for each device, the device moves out of QEMU, and into another one; nothing else is done
    #[arg(long)]
    migrate: Option<u64>,
}

/// After so many steps every row must have occurred.
const ENOUGH: u64 = 100_000;

fn main() -> ExitCode {
    let args = Args::parse();
    let mut complete = true;
    let mut take = |what: &str, result: Result<bool>| {
        complete &= result.unwrap_or_else(|error| {
            println!("{what}: {error:#}");
            false
        });
    };
    if args.migrate.is_some() && args.device.is_none() {
        take("machine types", machines());
        take("output that stalls", stalled());
    }
    for device in Device::ALL {
        if args.device.is_none_or(|wanted| wanted == *device) {
            let result = match args.migrate {
                Some(scripts) => travelled(*device, scripts, args.seed),
                None => compared(*device, &args),
            };
            take(&format!("{device:?}"), result);
        }
    }
    if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn compared(device: Device, args: &Args) -> Result<bool> {
    let report = device.compare(Settings {
        operations: args.operations,
        seed: args.seed,
        saving: args.save,
    })?;
    println!(
        "{device:?}: {} operations in {} scripts, seed {}, {:.1} s: no difference outside the table",
        report.operations,
        report.scripts,
        args.seed,
        report.duration.as_secs_f64()
    );
    for (release, count) in report.saves.counts() {
        println!("  {count:8} saves and restores at {release:?}");
    }
    let (mut complete, is_long) = (true, report.operations >= ENOUGH);
    if is_long && device.misses_older_releases(&report.saves) {
        println!("  no save at an older release, which loses nothing of many states");
        complete &= args.save == Saving::Never;
    }
    for (row, count) in &report.rows {
        println!("  {count:8} {row}");
    }
    for row in report.stale() {
        println!("  STALE: `{row}` never occurred");
        complete &= !is_long;
    }
    Ok(complete)
}

/// After so many scripts each device must have moved at each moment.
const ENOUGH_TRAVELS: u64 = 100;

fn travelled(device: Device, scripts: u64, seed: u64) -> Result<bool> {
    let report = device.travel(Travels { scripts, seed })?;
    let (moves_in, moves_out) = report.moves;
    let seconds = report.duration.as_secs_f64();
    println!(
        "{device:?}: {moves_in} moves in, {moves_out} moves out, seed {seed}, {seconds:.1} s: no difference outside the tables"
    );
    for (name, count) in &report.moments {
        println!("  {count:8} moves while {name}");
    }
    for (loss, count) in &report.losses {
        println!("  {count:8} times lost, {loss}");
    }
    for (field, count) in &report.around {
        println!("  {count:8} times another value around, {field}");
    }
    for (row, count) in report.rows.iter().filter(|(_, count)| *count != 0) {
        println!("  {count:8} {row}");
    }
    let mut complete = true;
    for moment in report.missed() {
        println!("  MISSED: never while {moment}");
        complete &= scripts < ENOUGH_TRAVELS;
    }
    Ok(complete)
}

fn machines() -> Result<bool> {
    let types = machine_types()?;
    println!(
        "{} machine types, out and in and loaded: {}",
        types.len(),
        types.join(" ")
    );
    Ok(true)
}

fn stalled() -> Result<bool> {
    stalled_output()?;
    println!("output that stalls, out and in: no character is lost");
    Ok(true)
}
