//! `cargo xtask bare`: the firmware examples under QEMU, each against the output that lies beside it.

use crate::bare::{BareTarget, bare_target};
use crate::install::{cargo_tool, program_path};
use crate::process::{self, cargo, program, run as run_command};
use crate::{footprint, proof, workspace};
use anyhow::{Context, Result, anyhow, bail};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Builds the firmware examples, boots each in QEMU and compares what it prints with its `expected.txt`.
///
/// To see one of them by itself: `cargo run --release` in its folder.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Makes what is printed the expected output
    #[arg(long)]
    accept: bool,
    /// Boots firmware that forgets to restore, which must not print what is expected
    #[arg(long, conflicts_with = "accept")]
    broken: bool,
    /// Folders below examples/bare; none means all
    programs: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    for program in selected(&args.programs)? {
        let mode = match (args.accept, args.broken) {
            (true, _) => Mode::Accept,
            (_, true) => Mode::Broken,
            _ => Mode::Compare,
        };
        boot(program, mode)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The step `bare` of the tests.
pub(crate) fn check() -> Result<()> {
    let workspace = || {
        let mut cargo = cargo();
        cargo
            .current_dir(folder())
            .env("CARGO_TARGET_DIR", workspace::root().join("target/bare"));
        cargo
    };
    run_command(workspace().args(["fmt", "--all", "--check"]))?;
    run_command(workspace().args([
        "clippy",
        "-p",
        "bare-machine",
        "-p",
        "bare-board",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    run_command(workspace().args(["test", "-p", "bare-machine"]))?;
    for program in PROGRAMS {
        lint(program)?;
        boot(program, Mode::Compare)?;
        boot(program, Mode::Broken)?;
    }
    proof::check()?;
    footprint::check()
}

/// An example: a folder of `examples/bare` that is a package of the same name. Its `.cargo/config.toml` says how it is
/// linked and how QEMU runs it.
struct Program {
    folder: &'static str,
    target: &'static str,
    qemu: &'static str,
    /// QEMU's exit status when the firmware says that all is well.
    success: i32,
    /// It prints `defmt` frames.
    defmt: bool,
    /// What it says when it has something to restore.
    at_work: &'static str,
}

#[rustfmt::skip]
const PROGRAMS: &[Program] = &[
    Program { folder: "x86_64-pvh", target: "x86_64-unknown-linux-gnu", qemu: "qemu-system-x86_64", success: 1, defmt: false, at_work: FOUND },
    Program { folder: "aarch64-virt", target: "aarch64-unknown-none", qemu: "qemu-system-aarch64", success: 0, defmt: false, at_work: FOUND },
    Program { folder: "riscv32-virt", target: "riscv32imac-unknown-none-elf", qemu: "qemu-system-riscv32", success: 0, defmt: false, at_work: FOUND },
    Program { folder: "thumbv7m-lm3s6965", target: "thumbv7m-none-eabi", qemu: "qemu-system-arm", success: 0, defmt: true, at_work: "in use" },
];

const FOUND: &str = "found the snapshot";

/// All of them take a second or two; an emulator on a busy machine some more.
const TIME_LIMIT: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Compare,
    Accept,
    Broken,
}

fn selected(names: &[String]) -> Result<Vec<&'static Program>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| PROGRAMS.iter().all(|program| program.folder != **name))
    {
        let known: Vec<_> = PROGRAMS.iter().map(|program| program.folder).collect();
        bail!("there is no example `{unknown}`, but {}", known.join(", "));
    }
    let wanted = |program: &&Program| names.is_empty() || names.iter().any(|name| name == program.folder);
    Ok(PROGRAMS.iter().filter(wanted).collect())
}

/// Where the toolchain has clippy for the target.
fn lint(program: &Program) -> Result<()> {
    let target = bare_target(program.target)?;
    if target.has_clippy() {
        let mut clippy = target.cargo("clippy");
        run_command(
            clippy
                .current_dir(program.path())
                .args(["--release", "--", "-D", "warnings"]),
        )?;
    }
    Ok(())
}

fn boot(program: &Program, mode: Mode) -> Result<()> {
    program_path(program.qemu)?;
    let target = bare_target(program.target)?;
    run_command(&mut program.cargo(&target, "build", mode))?;
    let (status, printed) = start(program.cargo(&target, "run", mode).arg("--quiet"), TIME_LIMIT)?;
    let printed = if program.defmt {
        decode(program, &target, &printed)?
    } else {
        printed
    };
    let printed = String::from_utf8_lossy(&printed).replace('\r', "");

    let file = program.path().join("expected.txt");
    let healthy = status.code() == Some(program.success);
    match mode {
        Mode::Accept => {
            print!("{printed}");
            if !healthy {
                bail!("{}: ended with {status}; nothing accepted", program.folder);
            }
            std::fs::write(&file, printed).with_context(|| format!("cannot write {}", file.display()))
        }
        Mode::Compare => {
            let expected = read(&file)?;
            if printed != expected {
                println!("{}", differences(&expected, &printed));
                bail!(
                    "{}: printed something else (+) than {} (-)",
                    program.folder,
                    file.display()
                );
            }
            if !healthy {
                bail!("{}: printed what is expected, but ended with {status}", program.folder);
            }
            println!("{}: as expected, {} lines", program.folder, expected.lines().count());
            Ok(())
        }
        Mode::Broken => {
            check_broken(&printed, healthy, &read(&file)?, program.at_work)
                .map_err(|why| anyhow!("{}: {why}, {status}:\n{printed}", program.folder))?;
            println!("{}: a broken restore is noticed", program.folder);
            Ok(())
        }
    }
}

/// That a firmware which restores nothing did all the rest, and printed something else for it: one that crashes early
/// prints something else, too, and shows nothing.
fn check_broken(printed: &str, healthy: bool, expected: &str, at_work: &str) -> Result<(), &'static str> {
    if printed == expected {
        return Err("nobody would notice that nothing is restored");
    }
    if !printed.contains(at_work) {
        return Err("did not come as far as to restore something");
    }
    if !healthy {
        return Err("broke down instead of ending with what it found");
    }
    Ok(())
}

impl Program {
    fn path(&self) -> PathBuf {
        folder().join(self.folder)
    }

    fn cargo(&self, target: &BareTarget, subcommand: &str, mode: Mode) -> Command {
        let mut command = target.cargo(subcommand);
        command.current_dir(self.path()).arg("--release");
        if mode == Mode::Broken {
            command.args(["--features", "broken-restore"]);
        }
        command
    }
}

fn folder() -> PathBuf {
    workspace::root().join("examples/bare")
}

/// Runs `command` and gives back what it printed. Cargo turns itself into the emulator, so killing it when the time is
/// up ends that.
fn start(command: &mut Command, limit: Duration) -> Result<(ExitStatus, Vec<u8>)> {
    // A file rather than a pipe, which could run full with nobody reading.
    let output = tempfile::tempfile()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot start `{}`", process::show(command)))?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let printed = contents(output)?;
    match status {
        Some(status) => Ok((status, printed)),
        None => {
            println!("{}", String::from_utf8_lossy(&printed));
            bail!("still running after {} s", limit.as_secs_f32())
        }
    }
}

fn contents(mut file: File) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut contents)?;
    Ok(contents)
}

/// Turns `defmt` frames into text, with the image that wrote them.
fn decode(firmware: &Program, target: &BareTarget, frames: &[u8]) -> Result<Vec<u8>> {
    let printer = cargo_tool("defmt-print")?;
    let image = target.executable("release", &format!("bare-{}", firmware.folder));
    let mut input = tempfile::tempfile()?;
    std::io::Write::write_all(&mut input, frames)?;
    input.rewind()?;
    let mut command = program(printer);
    command.args(["--log-format", "{s}", "-e"]).arg(image).stdin(input);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start defmt-print")?;
    if !output.status.success() {
        bail!("defmt-print: {}", output.status);
    }
    Ok(output.stdout)
}

fn read(file: &std::path::Path) -> Result<String> {
    std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {}; `cargo xtask bare --accept` writes it", file.display()))
}

/// The lines from the first to the last that differ.
fn differences(expected: &str, printed: &str) -> String {
    let (expected, printed): (Vec<_>, Vec<_>) = (expected.lines().collect(), printed.lines().collect());
    let (mut gone, mut come) = (&expected[..], &printed[..]);
    while let (Some((a, after_a)), Some((b, after_b))) = (gone.split_first(), come.split_first())
        && a == b
    {
        (gone, come) = (after_a, after_b);
    }
    while let (Some((a, before_a)), Some((b, before_b))) = (gone.split_last(), come.split_last())
        && a == b
    {
        (gone, come) = (before_a, before_b);
    }
    let gone = gone.iter().map(|line| format!("- {line}"));
    let come = come.iter().map(|line| format!("+ {line}"));
    gone.chain(come).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{FOUND, PROGRAMS, check_broken, differences, start};
    use crate::install;
    use std::process::Command;
    use std::time::{Duration, Instant};

    #[test]
    fn only_what_differs_is_shown() {
        assert_eq!(differences("a\nb\nc\nd\n", "a\nx\nc\nd\n"), "- b\n+ x");
        assert_eq!(differences("a\nb\n", "a\n"), "- b");
        assert_eq!(differences("a\na\n", "a\na\na\n"), "+ a");
    }

    #[test]
    fn what_runs_for_ever_is_ended() {
        let before = Instant::now();
        let error = start(Command::new("sleep").arg("600"), Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.to_string(), "still running after 0.1 s");
        assert!(before.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn what_ends_in_time_says_how_and_what() {
        let (status, printed) = start(Command::new("echo").arg("done"), Duration::from_mins(1)).unwrap();
        assert!(status.success());
        assert_eq!(printed, b"done\n");
        let (status, _) = start(&mut Command::new("false"), Duration::from_mins(1)).unwrap();
        assert_eq!(status.code(), Some(1));
        let error = start(&mut Command::new("no-such-emulator"), Duration::from_mins(1)).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-emulator`");
    }

    #[test]
    fn every_emulator_can_be_installed() {
        for program in PROGRAMS {
            assert!(install::package_of(program.qemu).is_ok(), "{}", program.qemu);
        }
    }

    #[test]
    fn a_broken_restore_is_more_than_another_output() {
        let expected = "start 1\nfound the snapshot\nall is well\n";
        let check = |printed: &str, healthy| check_broken(printed, healthy, expected, FOUND);
        assert_eq!(check("start 1\nfound the snapshot\nnothing is well\n", true), Ok(()));
        check(expected, true).unwrap_err();
        check("start 1\n", true).unwrap_err();
        check("start 1\nfound the snapshot\n", false).unwrap_err();
    }
}
