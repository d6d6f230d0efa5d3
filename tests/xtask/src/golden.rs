//! `cargo xtask golden`: freezes the bytes of what was published.

use crate::process::{cargo, run as run_command};
use anyhow::Result;
use std::process::ExitCode;

/// Writes the golden files of published releases that have none yet; files that are there are never changed.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> Result<ExitCode> {
    run_command(cargo("test -p devstate-tests --test golden").env("DEVSTATE_GOLDEN", "add"))?;
    Ok(ExitCode::SUCCESS)
}
