//! `cargo xtask schema`: the reference machine's releases and mirrors, and what changed between two dumps of them.

mod diff;
mod dump;

use anyhow::Result;
use clap::Subcommand;
use devstate_replay::Release;
use devstate_versioning::schema::{Json, Table};
use diff::Verdict;
use dump::Dump;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints the reference machine's releases and mirrors, or compares two dumps.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// Prints JSON, for `schema diff` and other tools
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Says what changed from OLD to NEW (two `schema --json`), whether it is allowed, and what was forgotten
    Diff { old: PathBuf, new: PathBuf },
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Some(Command::Diff { old, new }) => return Ok(compare(&Dump::read(old)?, &Dump::read(new)?)),
        None if args.json => print!("{}", Json::<Release>::new()),
        None => print!("{}", Table::<Release>::new()),
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(old: &Dump, new: &Dump) -> ExitCode {
    let changes = diff::diff(old, new);
    for change in &changes {
        println!("{change}");
    }
    if changes.is_empty() {
        println!("nothing changed");
    }
    let all_allowed = changes.iter().all(|change| change.verdict == Verdict::Allowed);
    if all_allowed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests;
