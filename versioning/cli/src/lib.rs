#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod commands;
pub mod failure;
pub mod foreign;
pub mod html;
mod json;
mod output;
pub mod payload;
pub mod peek;
pub mod report;
pub mod schema;
pub mod snapshot;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands as run;

/// Looks at snapshots of devstate-versioning, of any product.
#[derive(Debug, Parser)]
#[command(name = "devstate", version, about, arg_required_else_help = true, after_help = STATUSES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const STATUSES: &str = "\
Exit status:
  0  nothing is wrong
  1  a file is damaged, or is not what the command expects
  2  the command could not do its work: wrong arguments, a file that cannot be read, or a closed pipe
  3  `schema diff` and `schema check`: a new version is missing";

/// The commands, each in a file of its own below `commands`.
#[derive(Debug, Subcommand)]
enum Command {
    Peek(run::peek::Args),
    Inspect(run::inspect::Args),
    Diff(run::diff::Args),
    Verify(run::verify::Args),
    Schema(run::schema::Args),
    Golden(run::golden::Args),
    Qemu(run::qemu::Args),
    Man(run::man::ManArgs),
    Completions(run::man::CompletionsArgs),
}

/// Runs the command that the arguments of this process name, and returns its exit status.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Peek(args) => run::peek::run(&args),
        Command::Inspect(args) => run::inspect::run(&args),
        Command::Diff(args) => run::diff::run(&args),
        Command::Verify(args) => run::verify::run(&args),
        Command::Schema(args) => run::schema::run(&args),
        Command::Golden(args) => run::golden::run(&args),
        Command::Qemu(args) => run::qemu::run(&args),
        Command::Man(args) => run::man::man(&args, Arguments::command()),
        Command::Completions(args) => run::man::completions(&args, Arguments::command()),
    };
    result.unwrap_or_else(|failure| {
        failure.print();
        ExitCode::from(2)
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_contradict_each_other_nowhere() {
        super::Arguments::command().debug_assert();
    }
}
