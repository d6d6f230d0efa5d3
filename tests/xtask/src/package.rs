//! The crates as they would be published, in the order that publishing needs: each is packed, unpacked and built against the
//! others' packages.

use crate::process::{cargo, run};
use crate::workspace::{metadata, published, root};
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;

pub(crate) fn check() -> Result<()> {
    forget_earlier_packages()?;
    let target = root().join("target/packages");
    if target.exists() {
        std::fs::remove_dir_all(&target)?;
    }
    let metadata = metadata()?;
    let packages = published(&metadata).flat_map(|package| ["-p", package.name.as_str()]);
    // A CI checks out what is committed; at a desk, what is not yet committed is what one wants to know about.
    let mut command = cargo();
    command
        .args(["publish", "--dry-run", "--quiet", "--allow-dirty"])
        .args(packages);
    run(command.env("CARGO_TARGET_DIR", &target))?;
    for package in published(&metadata) {
        let unpacked = target.join(format!("package/{}-{}", package.name, package.version));
        for file in ["LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
            ensure!(
                unpacked.join(file).is_file(),
                "the package {} has no {file}",
                package.name
            );
        }
    }
    Ok(())
}

/// Cargo lets the packages see each other through a temporary registry, and keeps what it unpacked from there by name and
/// version, as it keeps what it built of them: without this a package would be built against what the others once were.
fn forget_earlier_packages() -> Result<()> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let registry = home.context("no home folder")?.join("registry");
    for kept in ["cache", "src"] {
        let Ok(folders) = std::fs::read_dir(registry.join(kept)) else {
            continue;
        };
        for folder in folders {
            let folder = folder?.path();
            // A registry without a host: a folder's.
            let is_local = folder
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('-'));
            if is_local {
                forget_ours(&folder)?;
            }
        }
    }
    Ok(())
}

fn forget_ours(folder: &std::path::Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("devstate-"))
        {
            if path.is_dir() {
                std::fs::remove_dir_all(&path)?;
            } else {
                std::fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}
