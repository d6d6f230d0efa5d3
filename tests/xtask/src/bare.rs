//! Compilers for targets without an operating system.

use crate::install::{Skip, debian_packages};
use crate::process::{self, cargo, program};
use crate::workspace;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target that stands for all: 32 bits, no operating system, no `std`, no `alloc` unless asked for.
pub(crate) const CORTEX_M3: &str = "thumbv7m-none-eabi";

/// A target and a cargo that can build for it.
#[derive(Debug)]
pub(crate) struct BareTarget {
    triple: String,
    toolchain: Toolchain,
}

#[derive(Debug)]
enum Toolchain {
    /// The stock toolchain has the target: `rustup target add`.
    Stock,
    /// Debian's compiler builds `core` from source, with the stock toolchain's linker.
    Debian { linker: PathBuf },
}

/// Finds or installs what builds for `triple`.
///
/// # Errors
///
/// [`Skip`] where rustup has no such target and Debian's compiler is missing and cannot be installed.
pub(crate) fn bare_target(triple: &str) -> Result<BareTarget> {
    let toolchain = if has_target(triple)? {
        Toolchain::Stock
    } else {
        debian_packages(&["rustc-web", "cargo-web", "rust-web-src"])
            .map_err(|error| hint_rustup(error, triple))
            .with_context(|| format!("no compiler for {triple}"))?;
        Toolchain::Debian {
            linker: stock_linker()?,
        }
    };
    Ok(BareTarget {
        triple: triple.to_owned(),
        toolchain,
    })
}

impl BareTarget {
    /// `cargo SUBCOMMAND --target …` at the workspace's root, with a target folder of its own. What follows goes to
    /// cargo as usual; `current_dir` moves it to another workspace.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = match &self.toolchain {
            Toolchain::Stock => cargo(""),
            Toolchain::Debian { linker } => debian_cargo(linker),
        };
        command.arg(subcommand);
        if let Toolchain::Debian { .. } = self.toolchain {
            command.args(["-Z", "build-std=core"]);
            // One build of `core` for all optimisation levels of the rest. rustup's targets have only one, too.
            command.args(["--config", "profile.release.package.core.opt-level='s'"]);
        }
        command.args(["--target", &self.triple]);
        command.env("CARGO_TARGET_DIR", target_folder());
        command
    }

    /// The compiler's name and version.
    pub(crate) fn compiler(&self) -> Result<String> {
        let rustc = match self.toolchain {
            Toolchain::Stock => "rustc",
            Toolchain::Debian { .. } => DEBIAN_RUSTC,
        };
        let version = process::output(program(rustc).arg("--version"))?;
        Ok(version.trim().to_owned())
    }

    /// Whether clippy knows the target: Debian's cargo comes without.
    pub(crate) const fn has_clippy(&self) -> bool {
        matches!(self.toolchain, Toolchain::Stock)
    }

    /// Where `cargo` of this target puts an executable of `profile` (`debug`, `release`).
    pub(crate) fn executable(&self, profile: &str, name: &str) -> PathBuf {
        target_folder().join(&self.triple).join(profile).join(name)
    }
}

fn target_folder() -> PathBuf {
    workspace::root().join("target/bare")
}

fn has_target(triple: &str) -> Result<bool> {
    let folder = process::output(program("rustc").args(["--print", "target-libdir", "--target", triple]))?;
    let Ok(mut files) = std::fs::read_dir(folder.trim()) else {
        return Ok(false);
    };
    Ok(files.any(|file| file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libcore-"))))
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Debian's cargo, freed of what the cargo that runs us says to its children.
fn debian_cargo(linker: &Path) -> Command {
    let mut command = program("/usr/bin/cargo");
    for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC_WRAPPER", "RUSTFLAGS"] {
        command.env_remove(name);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(linker.to_owned()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
    command
}

/// The folder of the stock toolchain's `rust-lld`.
fn stock_linker() -> Result<PathBuf> {
    let sysroot = process::output(program("rustc").args(["--print", "sysroot"]))?;
    let version = process::output(program("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` names no host")?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin"))
}

/// Names rustup as another way to a missing target.
pub(crate) fn hint_rustup(error: anyhow::Error, triple: &str) -> anyhow::Error {
    match error.downcast::<Skip>() {
        Ok(skip) => skip.with_hint(&format!("or: rustup target add {triple}")).into(),
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::{CORTEX_M3, hint_rustup};
    use crate::install::Skip;

    #[test]
    fn a_missing_target_has_two_ways_out() {
        let missing = Skip::beyond_this_machine("missing: sudo apt-get install rustc-web");
        let hinted = hint_rustup(missing.into(), CORTEX_M3);
        assert!(hinted.is::<Skip>(), "still a step that cannot run, not a failure");
        assert_eq!(
            hinted.to_string(),
            "missing: sudo apt-get install rustc-web (or: rustup target add thumbv7m-none-eabi)"
        );
    }
}
