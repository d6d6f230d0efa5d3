//! `cargo xtask bare`: the firmware examples under QEMU, each against the output that lies beside it.

use crate::bare::{BareTarget, bare_target};
use crate::install::{cargo_tool, program_path};
use crate::process::{self, cargo, program, run as run_command};
use crate::{footprint, proof, workspace};
use anyhow::{Context, Result, anyhow, bail};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

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
    // What is missing is said before the first build.
    cargo_tool("defmt-print")?;
    for words in [
        "fmt --all --check",
        "clippy -p bare-machine -p bare-board --all-targets -- -D warnings",
        "test -p bare-machine",
    ] {
        let target = workspace::root().join("target/bare");
        run_command(cargo(words).current_dir(folder()).env("CARGO_TARGET_DIR", target))?;
    }
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
const TIME_LIMIT: u32 = 60;

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
                show_differences(&file, &printed)?;
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
fn start(command: &Command, seconds: u32) -> Result<(ExitStatus, Vec<u8>)> {
    let mut limited = Command::new("timeout");
    limited.arg("--kill-after=1").arg(seconds.to_string());
    limited.arg(command.get_program()).args(command.get_args());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    for (name, _) in command.get_envs().filter(|(_, value)| value.is_none()) {
        limited.env_remove(name);
    }
    limited.current_dir(command.get_current_dir().context("no folder")?);
    let output = limited.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{}`", process::show(command)))?;
    if output.status.code() == Some(TIMED_OUT) {
        println!("{}", String::from_utf8_lossy(&output.stdout));
        bail!("still running after {seconds} s");
    }
    Ok((output.status, output.stdout))
}

/// The status of `timeout` when the time is up.
const TIMED_OUT: i32 = 124;

/// Turns `defmt` frames into text, with the image that wrote them.
fn decode(firmware: &Program, target: &BareTarget, frames: &[u8]) -> Result<Vec<u8>> {
    let printer = cargo_tool("defmt-print")?;
    let image = target.executable("release", &format!("bare-{}", firmware.folder));
    let mut input = tempfile::tempfile()?;
    input.write_all(frames)?;
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

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {}; `cargo xtask bare --accept` writes it", file.display()))
}

/// Shows the lines that are expected and not printed (-), and those that are printed and not expected (+).
fn show_differences(expected: &Path, printed: &str) -> Result<()> {
    let mut found = tempfile::NamedTempFile::new()?;
    found.write_all(printed.as_bytes())?;
    program("diff").arg("-u").arg(expected).arg(found.path()).status()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{FOUND, PROGRAMS, check_broken, start};
    use crate::install;
    use std::process::Command;

    #[test]
    fn what_runs_for_ever_is_ended() {
        let started = |program: &str, argument: &str, seconds| {
            start(Command::new(program).arg(argument).current_dir("."), seconds)
        };
        let error = started("sleep", "600", 1).unwrap_err();
        assert_eq!(error.to_string(), "still running after 1 s");
        let (status, printed) = started("echo", "done", 60).unwrap();
        assert!(status.success() && printed == b"done\n");
        assert_eq!(started("false", "", 60).unwrap().0.code(), Some(1));
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
