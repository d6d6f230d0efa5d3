//! What people repeat, as `cargo xtask COMMAND`: one file for each command.

mod api;
mod bare;
mod bench;
mod book;
mod bugs;
mod faults;
mod firmware;
mod footprint;
mod fuzz;
mod golden;
mod install;
#[path = "../../../examples/minimal-vmm/tests/processes/kernel.rs"]
mod kernel;
mod lanes;
mod msrv;
mod oracle;
mod package;
mod process;
mod proof;
mod readme;
mod steps;
mod test;
#[path = "../../../examples/minimal-vmm/tests/nested/mod.rs"]
mod vmm;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

/// What people repeat when they work on devstate.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    Test(test::Args),
    Install(install::Args),
    Bare(firmware::Args),
    Footprint(footprint::Args),
    Bench(bench::Args),
    Book(book::Args),
    Bugs(bugs::Args),
    Golden(golden::Args),
    Fuzz(fuzz::Args),
    Faults(faults::Args),
    Oracle(oracle::Args),
    Vmm(vmm::Args),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Test(args) => test::run(&args),
        Command::Install(args) => install::run(&args),
        Command::Bare(args) => firmware::run(&args),
        Command::Footprint(args) => footprint::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Book(args) => book::run_command(&args),
        Command::Bugs(args) => bugs::run(&args),
        Command::Golden(args) => golden::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Faults(args) => faults::run(&args),
        Command::Oracle(args) => oracle::run(&args),
        Command::Vmm(args) => vmm::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
