//! The crates as they would be published, in the order that publishing needs: each is packed, unpacked and built against the
//! others' packages.

use crate::process::{cargo, run};
use crate::workspace::{metadata, published, root};
use anyhow::{Result, ensure};
use std::path::PathBuf;

pub(crate) fn check() -> Result<()> {
    let target = root().join("target/packages");
    if target.exists() {
        std::fs::remove_dir_all(&target)?;
    }
    let metadata = metadata()?;
    let packages = published(&metadata).flat_map(|package| ["-p", package.name.as_str()]);
    // A CI checks out what is committed; at a desk, what is not yet committed is what one wants to know about.
    let mut command = cargo("publish --dry-run --quiet --allow-dirty");
    command.args(packages).env("CARGO_TARGET_DIR", &target);
    run(command.env("CARGO_HOME", home()?))?;
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

/// A home for cargo in `target`. Cargo lets the packages see each other through a temporary registry, and keeps what it
/// unpacked from there by name and version. In the user's own home a package would be built against what the others once
/// were, and that is not for us to delete.
fn home() -> Result<PathBuf> {
    let home = root().join("target/packages-home");
    for kept in ["registry/cache", "registry/src"] {
        let kept = home.join(kept);
        std::fs::create_dir_all(&kept)?;
        for folder in std::fs::read_dir(kept)? {
            let folder = folder?.path();
            // A registry without a host: the temporary one.
            if folder
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('-'))
            {
                std::fs::remove_dir_all(folder)?;
            }
        }
    }
    let own = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let own = own.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    // Where the user's crates come from.
    let config = own.map(|own| own.join("config.toml")).filter(|config| config.is_file());
    if let Some(config) = config {
        std::fs::copy(config, home.join("config.toml"))?;
    }
    Ok(home)
}
