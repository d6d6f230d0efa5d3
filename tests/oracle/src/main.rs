//! `cargo run --release -p devstate-oracle`: scripts against a live QEMU.

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
    let settings = Settings {
        operations: args.operations,
        seed: args.seed,
        saving: args.save,
    };
    let mut failed = false;
    if args.migrate.is_some() && args.device.is_none() {
        failed |= !machines();
        failed |= !stalled();
    }
    for device in Device::ALL {
        if args.device.is_some_and(|wanted| wanted != *device) {
            continue;
        }
        if let Some(scripts) = args.migrate {
            let seed = args.seed;
            failed |= !travelled(*device, Travels { scripts, seed });
            continue;
        }
        match device.compare(settings) {
            Ok(report) => {
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
                if report.operations >= ENOUGH && device.misses_older_releases(&report.saves) {
                    println!("  no save at an older release, which loses nothing of many states");
                    failed |= args.save != Saving::Never;
                }
                for (row, count) in &report.rows {
                    println!("  {count:8} {row}");
                }
                for row in report.stale() {
                    println!("  STALE: `{row}` never occurred");
                    failed |= report.operations >= ENOUGH;
                }
            }
            Err(error) => {
                println!("{error:#}");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// After so many scripts each device must have moved at each moment.
const ENOUGH_TRAVELS: u64 = 100;

fn travelled(device: Device, travels: Travels) -> bool {
    let report = match device.travel(travels) {
        Ok(report) => report,
        Err(error) => {
            println!("{device:?}: {error:#}");
            return false;
        }
    };
    let (moves_in, moves_out) = report.moves;
    let seconds = report.duration.as_secs_f64();
    println!(
        "{device:?}: {moves_in} moves in, {moves_out} moves out, seed {}, {seconds:.1} s: no difference outside the tables",
        travels.seed
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
        complete &= travels.scripts < ENOUGH_TRAVELS;
    }
    complete
}

fn machines() -> bool {
    match machine_types() {
        Ok(types) => {
            println!(
                "{} machine types, out and in and loaded: {}",
                types.len(),
                types.join(" ")
            );
            true
        }
        Err(error) => {
            println!("machine types: {error:#}");
            false
        }
    }
}

fn stalled() -> bool {
    match stalled_output() {
        Ok(()) => {
            println!("output that stalls, out and in: no character is lost");
            true
        }
        Err(error) => {
            println!("output that stalls: {error:#}");
            false
        }
    }
}
