//! What the host and the guest boot from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Architecture;
use super::cpio::Archive;
use super::packages::Packages;
use crate::bare::hint_rustup;
use crate::install::{debian_packages, foreign_architecture};
use crate::process::{cargo, output, program, run};
use crate::workspace;

/// Both machines have the same kernel; the guest's RAM disk is in the host's.
#[derive(Debug)]
pub(crate) struct Images {
    pub(crate) kernel: PathBuf,
    pub(crate) host: PathBuf,
}

pub(crate) fn build(architecture: Architecture) -> Result<Images> {
    let vmm = build_vmm(architecture)?;
    let packages = Packages::fetch(architecture)?;
    let kernel = packages.kernel()?;

    let mut guest = base(&packages, include_str!("guest-init.sh"))?;
    modules(&mut guest, &packages, &["evdev", "serio_raw"])?;
    let guest = guest.finish();

    let mut host = base(&packages, include_str!("host-init.sh"))?;
    modules(&mut host, &packages, &["irqbypass", "kvm", "kvm-amd", "kvm-intel"])?;
    host.file("bin/minimal-vmm", true, &read(&vmm)?);
    host.file("vmlinuz", false, &read(&kernel)?);
    host.file("guest.cpio", false, &guest);
    let path = workspace::root().join(format!("target/vmm/host-{architecture:?}.cpio"));
    std::fs::write(&path, host.finish())?;
    Ok(Images { kernel, host: path })
}

fn base(packages: &Packages, init: &str) -> Result<Archive> {
    let mut archive = Archive::default();
    for directory in ["bin", "dev", "proc", "sys", "tmp", "modules"] {
        archive.directory(directory);
    }
    archive.console();
    archive.file("init", true, init.as_bytes());
    archive.file("bin/busybox", true, &read(&packages.busybox())?);
    Ok(archive)
}

fn modules(archive: &mut Archive, packages: &Packages, names: &[&str]) -> Result<()> {
    for name in names {
        if let Some(module) = packages.module(name) {
            archive.file(&format!("modules/{name}.ko"), false, &read(&module)?);
        }
    }
    Ok(())
}

/// `minimal-vmm` as one file that needs no library.
fn build_vmm(architecture: Architecture) -> Result<PathBuf> {
    let triple = match architecture {
        Architecture::X86_64 => "x86_64-unknown-linux-gnu",
        Architecture::Aarch64 => "aarch64-unknown-linux-gnu",
    };
    let mut cargo = match architecture {
        Architecture::X86_64 => cargo(""),
        Architecture::Aarch64 => cargo_for_arm(triple)?,
    };
    let target = workspace::root().join("target/vmm/build");
    cargo.args([
        "build",
        "--package",
        "devstate-minimal-vmm",
        "--release",
        "--target",
        triple,
    ]);
    for option in ["lto=false", "codegen-units=16"] {
        cargo.args(["--config", &format!("profile.release.{option}")]);
    }
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    run(cargo.env("CARGO_TARGET_DIR", &target))?;
    Ok(target.join(triple).join("release/minimal-vmm"))
}

/// rustup's target where it is installed, Debian's compiler where it is not.
fn cargo_for_arm(triple: &str) -> Result<Command> {
    debian_packages(&["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"])?;
    let libraries = output(program("rustc").args(["--print", "target-libdir", "--target", triple]))?;
    let mut command = if Path::new(libraries.trim()).is_dir() {
        cargo("")
    } else {
        foreign_architecture("arm64")?;
        debian_packages(&["rustc-web", "cargo-web", "libstd-rust-web-dev:arm64"])
            .map_err(|error| hint_rustup(error, triple))?;
        let mut command = program("/usr/bin/cargo");
        for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC_WRAPPER"] {
            command.env_remove(name);
        }
        command.env("RUSTC", "/usr/bin/rustc");
        command
    };
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
    Ok(command)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
