#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod commands;
pub mod failure;
pub mod foreign;
mod output;
pub mod peek;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::peek as peek_command;

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
  2  the command could not do its work: wrong arguments, or a file that cannot be read";

/// The commands, each in a file of its own below `commands`.
#[derive(Debug, Subcommand)]
enum Command {
    Peek(peek_command::Args),
}

/// Runs the command that the arguments of this process name, and returns its exit status.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Peek(args) => peek_command::run(&args),
    };
    result.unwrap_or_else(|failure| {
        failure.print();
        ExitCode::from(2)
    })
}
