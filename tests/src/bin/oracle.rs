//! `cargo run --release -p devstate-tests --bin oracle`: scripts against a live QEMU.

use clap::Parser;
use devstate_tests::oracle::{Device, Saving, Settings};
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
    for device in Device::ALL {
        if args.device.is_some_and(|wanted| wanted != *device) {
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
