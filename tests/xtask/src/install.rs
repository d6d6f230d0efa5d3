//! `cargo xtask install`, and what a test step calls for the one program that it needs.
//!
//! Nothing is installed unless the user says so: with `cargo xtask install`, `cargo xtask test --install`, or in a CI.

use crate::process::{self, cargo, find, program, run as run_command};
use crate::{bare, workspace};
use anyhow::{Context, Result};
use std::fmt;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Programs that steps start, and the Debian package that has each.
const PROGRAMS: &[(&str, &str)] = &[
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("qemu-system-arm", "qemu-system-arm"),
    ("qemu-system-aarch64", "qemu-system-arm"),
    ("qemu-system-riscv32", "qemu-system-misc"),
    ("valgrind", "valgrind"),
    ("strace", "strace"),
    ("chromium", "chromium"),
];

/// Programs that steps start, and the version that `cargo install` builds where there is none, with further options.
const CARGO_TOOLS: &[(&str, &str, &[&str])] = &[
    ("cargo-hack", "0.6.46", &[]),
    ("cargo-deny", "0.20.2", &[]),
    ("defmt-print", "1.2.0", &[]),
    ("cargo-fuzz", "0.13.2", &[]),
    // It would build for minutes what no step uses.
    ("mdbook", "0.5.4", &["--no-default-features", "--features", "search"]),
];

/// Installs all that the tests can use, or the programs named: Debian's packages where this is root, cargo's tools below
/// `target/tools`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Programs; none means all
    programs: Vec<String>,
}

static ALLOWED: AtomicBool = AtomicBool::new(false);

/// Lets this process install what it misses.
pub(crate) fn allow() {
    ALLOWED.store(true, Ordering::Relaxed);
}

/// Returns `true` if this process may install what it misses.
pub(crate) fn is_allowed() -> bool {
    ALLOWED.load(Ordering::Relaxed) || is_ci()
}

/// Returns `true` in a CI, which may install, and must not skip what it could run.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    allow();
    if !args.programs.is_empty() {
        for name in &args.programs {
            let is_tool = CARGO_TOOLS.iter().any(|(tool, ..)| tool == name);
            let path = if is_tool { cargo_tool(name) } else { program_path(name) };
            println!("{}", path?.display());
        }
        return Ok(ExitCode::SUCCESS);
    }
    for (name, _) in PROGRAMS {
        note(self::program_path(name).map(drop))?;
    }
    for (name, ..) in CARGO_TOOLS {
        note(cargo_tool(name).map(drop))?;
    }
    note(bare::bare_target(bare::CORTEX_M3).map(drop))?;
    Ok(ExitCode::SUCCESS)
}

/// A step cannot run here, and why.
#[derive(Debug)]
pub(crate) struct Skip {
    reason: String,
    /// Whether this machine could have run it, so that a CI must not pass without.
    pub(crate) within_reach: bool,
}

impl Skip {
    /// The machine lacks something that nothing can install: hardware, a kernel's device, the right to install.
    pub(crate) fn beyond_this_machine(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            within_reach: false,
        }
    }

    /// It should have worked here, but did not.
    pub(crate) fn within_reach(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            within_reach: true,
        }
    }

    /// The same, with another way out.
    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.reason = format!("{} ({hint})", self.reason);
        self
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Skip {}

/// One of [`PROGRAMS`], installed if need be.
///
/// # Errors
///
/// [`Skip`] where it is missing and cannot be installed.
pub(crate) fn program_path(name: &str) -> Result<PathBuf> {
    if let Some(path) = find(name) {
        return Ok(path);
    }
    let package = package_of(name)?;
    debian_packages(&[package])?;
    Ok(find(name).ok_or_else(|| Skip::within_reach(format!("Debian's {package} has no {name}")))?)
}

/// The Debian package of one of [`PROGRAMS`].
pub(crate) fn package_of(name: &str) -> Result<&'static str> {
    let (_, package) = PROGRAMS
        .iter()
        .find(|(program, _)| *program == name)
        .with_context(|| format!("{name} is not in install.rs's list of programs"))?;
    Ok(package)
}

/// One of [`CARGO_TOOLS`], built if need be.
///
/// # Errors
///
/// [`Skip`] where it is missing and does not build (no network, for one).
pub(crate) fn cargo_tool(name: &str) -> Result<PathBuf> {
    let tools = workspace::root().join("target/tools");
    let built = tools.join("bin").join(name);
    if let Some(path) = find(name).or_else(|| built.is_file().then(|| built.clone())) {
        return Ok(path);
    }
    let (_, version, options) = CARGO_TOOLS
        .iter()
        .find(|(tool, ..)| *tool == name)
        .with_context(|| format!("{name} is not in install.rs's list of cargo's tools"))?;
    if !is_allowed() {
        return Err(Skip::beyond_this_machine(format!("missing: cargo xtask install {name}")).into());
    }
    // Unoptimised: a tool runs for seconds, but would build for minutes.
    let mut install = cargo(&format!("install --locked --debug --quiet {name} --version {version}"));
    install.args(*options).arg("--root").arg(&tools);
    install.env("CARGO_PROFILE_DEV_DEBUG", "0");
    run_command(&mut install).map_err(|error| Skip::within_reach(format!("{name} is missing: {error:#}")))?;
    Ok(built)
}

/// Installs `packages` where this is root on Debian and they are missing.
///
/// # Errors
///
/// [`Skip`] where they are missing and cannot be installed.
pub(crate) fn debian_packages(packages: &[&str]) -> Result<()> {
    if packages.iter().all(|package| is_installed(package)) {
        return Ok(());
    }
    let _turn = turn()?;
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let wanted = missing.join(" ");
    if let Some(skip) = cannot_install(&wanted, find("apt-get").is_some(), is_root(), is_allowed()) {
        return Err(skip.into());
    }
    refresh_package_lists();
    let mut install = apt_get();
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(&missing);
    Ok(run_command(&mut install).map_err(|error| Skip::within_reach(format!("{wanted} missing: {error:#}")))?)
}

fn cannot_install(wanted: &str, has_apt: bool, is_root: bool, is_allowed: bool) -> Option<Skip> {
    let reason = match (has_apt, is_root, is_allowed) {
        (false, _, _) => format!("{wanted} missing, and no apt-get"),
        (true, false, _) => format!("missing: sudo apt-get install {wanted}"),
        (true, true, false) => format!("missing: apt-get install {wanted}"),
        (true, true, true) => return None,
    };
    Some(Skip::beyond_this_machine(reason))
}

/// Lets `dpkg` know packages of another architecture (Debian's name of it).
///
/// # Errors
///
/// [`Skip`] where that is not possible.
pub(crate) fn foreign_architecture(name: &str) -> Result<()> {
    let known = ["--print-architecture", "--print-foreign-architectures"]
        .map(|option| process::output(program("dpkg").arg(option)));
    for architectures in known {
        if architectures?.lines().any(|known| known == name) {
            return Ok(());
        }
    }
    if !is_root() || !is_allowed() {
        let commands = format!("sudo dpkg --add-architecture {name} && sudo apt-get update");
        return Err(Skip::beyond_this_machine(format!("missing: {commands}")).into());
    }
    let _turn = turn()?;
    run_command(program("dpkg").args(["--add-architecture", name]))?;
    run_command(apt_get().arg("update"))
}

/// Makes `apt-get` know what there is, and keeps others from changing that while the returned file is open.
pub(crate) fn package_lists() -> Result<File> {
    let turn = turn()?;
    if is_root() && is_allowed() {
        refresh_package_lists();
    }
    Ok(turn)
}

/// Waits until no other step uses Debian's packages, and keeps them from it while the returned file is open. `apt-get` does
/// not wait for another one.
fn turn() -> Result<File> {
    let folder = workspace::root().join("target");
    fs::create_dir_all(&folder)?;
    let file = File::create(folder.join("packages.lock"))?;
    file.lock()?;
    Ok(file)
}

fn is_installed(package: &str) -> bool {
    let mut query = program("dpkg-query");
    query
        .args(["--show", "--showformat=${Status}", package])
        .stderr(std::process::Stdio::null());
    query
        .output()
        .is_ok_and(|output| output.stdout == b"install ok installed")
}

fn is_root() -> bool {
    process::output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Once a run. An old list may still serve, so a failure shows only where a package is not found.
fn refresh_package_lists() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        if let Err(error) = run_command(apt_get().arg("update")) {
            println!("{error:#}");
        }
    });
}

fn apt_get() -> std::process::Command {
    let mut command = program("apt-get");
    command.arg("--quiet=2").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Says what could not be installed and goes on.
fn note(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is::<Skip>() => println!("skipped: {error}"),
        other => other?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Skip, cannot_install, package_of, program_path};

    #[test]
    fn who_cannot_install_is_told_what_to_install() {
        let reason = |has_apt, is_root, is_allowed| {
            let package = package_of("qemu-system-riscv32").unwrap();
            cannot_install(package, has_apt, is_root, is_allowed).map(|skip| skip.to_string())
        };
        assert_eq!(
            reason(true, false, true).as_deref(),
            Some("missing: sudo apt-get install qemu-system-misc")
        );
        assert_eq!(
            reason(false, true, true).as_deref(),
            Some("qemu-system-misc missing, and no apt-get")
        );
        assert_eq!(
            reason(true, true, false).as_deref(),
            Some("missing: apt-get install qemu-system-misc")
        );
        assert_eq!(reason(true, true, true), None);
    }

    #[test]
    fn a_program_that_nobody_listed_is_an_error_and_no_skip() {
        let error = program_path("qemu-system-pdp11").unwrap_err();
        assert!(!error.is::<Skip>());
        assert_eq!(
            error.to_string(),
            "qemu-system-pdp11 is not in install.rs's list of programs"
        );
    }
}
