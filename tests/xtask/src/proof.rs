//! The images of examples/bare/proof: they link, so nothing in the libraries can panic; and the controls do not.

use crate::bare::bare_target;
use crate::process;
use crate::workspace;
use anyhow::{Context, Result, bail};

const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "thumbv7m-none-eabi"];

/// What is inlined differs, and with it which checks the compiler sees to be needless. The first is the workspace's own.
const OPT_LEVELS: [&str; 4] = ["s", "z", "2", "3"];

/// Features of which each makes a panic reachable.
const CONTROLS: [&str; 2] = ["control-place", "control-length"];

pub(crate) fn check() -> Result<()> {
    for name in TARGETS {
        let target = bare_target(name)?;
        let build = |level: &str| {
            let mut cargo = target.cargo("build");
            cargo
                .current_dir(workspace::root().join("examples/bare/proof"))
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", level)
                .arg("--release");
            cargo
        };
        for level in OPT_LEVELS {
            process::run(&mut build(level)).with_context(|| {
                format!("a panic is reachable at `opt-level` {level}, if the linker misses `a_panic_is_reachable`")
            })?;
        }
        for feature in CONTROLS {
            let control = build(OPT_LEVELS[0])
                .args(["--features", feature])
                .output()
                .context("cannot start cargo")?;
            let said = String::from_utf8_lossy(&control.stderr);
            if control.status.success() || !said.contains("undefined symbol: a_panic_is_reachable") {
                bail!("{name}: {feature} should not have linked for want of `a_panic_is_reachable`:\n{said}");
            }
        }
        println!("{name}: no panic is reachable at any `opt-level`, and each control has one");
    }
    Ok(())
}
