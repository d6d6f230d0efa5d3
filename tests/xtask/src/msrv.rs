//! The published build and pass their tests with the oldest Rust that they declare.
//!
//! Clippy's `incompatible_msrv` finds younger functions of `core` with every toolchain. A younger language feature is found
//! by the old compiler only.

use crate::install::Skip;
use crate::process::{find, output, program, run};
use crate::workspace::{metadata, published};
use anyhow::{Context, Result};

pub(crate) fn check() -> Result<()> {
    let metadata = metadata()?;
    let oldest = published(&metadata)
        .filter_map(|library| library.rust_version.clone())
        .min()
        .context("no library declares a rust-version")?;
    let oldest = format!("{}.{}", oldest.major, oldest.minor);
    let install = format!("rustup toolchain install {oldest}");
    if find("rustup").is_none() {
        let reason = format!("missing: sudo apt-get install rustup && {install}");
        return Err(Skip::beyond_this_machine(reason).into());
    }
    if output(program("rustup").args(["run", &oldest, "rustc", "--version"])).is_err() {
        return Err(Skip::beyond_this_machine(format!("missing: {install}")).into());
    }
    let packages: Vec<&str> = published(&metadata)
        .flat_map(|library| ["-p", library.name.as_str()])
        .collect();
    run(program("rustup")
        .args(["run", &oldest, "cargo", "test", "--all-features"])
        .args(packages))
}
