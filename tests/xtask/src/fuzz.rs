//! `cargo xtask fuzz`: every fuzz target for a while, from the corpus that is kept.

use crate::install::cargo_tool;
use crate::process::{output, program, run as run_command, run_side_by_side};
use anyhow::Result;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Runs every fuzz target, or those named, from the kept corpus.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For how long, each
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Adds what was found to the corpus, and takes out what its coverage does not need
    #[arg(long)]
    keep: bool,
    /// Targets; none means all
    targets: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let fuzz = cargo_tool("cargo-fuzz")?;
    let all = output(&mut cargo_fuzz(&fuzz, "list"))?;
    let all: Vec<String> = all.split_whitespace().map(str::to_owned).collect();
    let targets = if args.targets.is_empty() { &all } else { &args.targets };
    // Once, so that the runs do not wait for each other.
    run_command(&mut cargo_fuzz(&fuzz, "build"))?;
    let mut runs = Vec::new();
    for target in targets {
        let [found, corpus] = unpacked(target)?;
        let seconds = format!("-max_total_time={}", args.seconds);
        let mut command = cargo_fuzz(&fuzz, "run");
        command.args([target, &found, &corpus]).args(["--", &seconds, MAX_LEN]);
        runs.push(command);
    }
    run_side_by_side(runs)?;
    if args.keep {
        for target in targets {
            keep(&fuzz, target)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The folders for what a target finds, and of its corpus.
fn folders(target: &str) -> [String; 2] {
    ["found", "corpus"].map(|folder| format!("target/{folder}/{target}"))
}

/// Unpacks the corpus of a target. libFuzzer writes what it finds to the first folder.
fn unpacked(target: &str) -> Result<[String; 2]> {
    let [found, corpus] = folders(target);
    let root = crate::workspace::root().join(FOLDER);
    if root.join(&corpus).exists() {
        std::fs::remove_dir_all(root.join(&corpus))?;
    }
    for folder in [&corpus, &found] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    let archive = format!("corpus/{target}.tar.gz");
    if root.join(&archive).exists() {
        run_command(tar().args(["--extract", "--gzip", "--file", &archive, "--directory", &corpus]))?;
    }
    Ok([found, corpus])
}

/// Makes the corpus the fewest inputs that reach all of the code that the corpus and what was found reach together. How often a
/// loop turns is left out: it would keep three times as many.
fn keep(fuzz: &Path, target: &str) -> Result<()> {
    let root = crate::workspace::root().join(FOLDER);
    let fewest = tempfile::tempdir_in(root.join("target"))?;
    let mut command = cargo_fuzz(fuzz, "run");
    command.arg(target).arg(fewest.path()).args(folders(target));
    run_command(command.args(["--", "-set_cover_merge=1", "-use_counters=0", MAX_LEN]))?;
    let archive = format!("corpus/{target}.tar.gz");
    // The same inputs give the same file.
    let same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    let mut command = tar();
    command
        .args(["--create", "--use-compress-program=gzip -n9", "--file", &archive])
        .args(same);
    run_command(command.arg("--directory").arg(fewest.path()).arg("."))
}

/// `tar`, which packs the corpus: one file for each target.
fn tar() -> Command {
    let mut tar = program("tar");
    tar.current_dir(crate::workspace::root().join(FOLDER));
    tar
}

/// A short run, for CI.
pub(crate) fn check() -> Result<()> {
    let args = Args {
        seconds: 20,
        keep: false,
        targets: Vec::new(),
    };
    run(&args).map(|_| ())
}

const FOLDER: &str = "tests/fuzz";
const MAX_LEN: &str = "-max_len=600";

/// cargo-fuzz's sanitizers are unstable options. `RUSTC_BOOTSTRAP` makes a stable compiler accept them.
fn cargo_fuzz(fuzz: &Path, command: &str) -> Command {
    let mut cargo_fuzz = program(fuzz);
    cargo_fuzz
        .current_dir(crate::workspace::root().join(FOLDER))
        .args([command, "--fuzz-dir", "."])
        .env("RUSTC_BOOTSTRAP", "1");
    cargo_fuzz
}
