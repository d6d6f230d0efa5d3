//! Instructions, counted by valgrind: the same number on every run of the same program.

use std::env;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The function between whose entry and exit valgrind counts, and after which it writes down what it has counted.
const MEASURED: &str = "devstate_bench_measured";

/// Runs a case; what happens inside is what is counted.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn devstate_bench_measured(run: &mut Box<dyn FnMut()>) {
    run();
}

/// The case that does nothing; what it takes is taken off the others.
pub const NOTHING: &str = "nothing";

/// How many instructions each of the cases takes, all in one process.
pub fn count(cases: &[String]) -> Result<Vec<u64>> {
    let folder = tempfile::tempdir()?;
    let dump = folder.path().join("counts");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(format!("--dump-after={MEASURED}"))
        .arg(format!("--callgrind-out-file={}", dump.display()))
        .arg(env::current_exe()?)
        .args(["run-once", NOTHING])
        .args(cases)
        .output()
        .context("valgrind does not start; install it with `apt-get install valgrind`")?;
    if !output.status.success() {
        bail!("under valgrind: {}", String::from_utf8_lossy(&output.stderr));
    }
    let counted = |number: usize| -> Result<u64> {
        let path = dump.with_extension(number.to_string());
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        total
            .context("valgrind counted nothing")?
            .trim()
            .parse()
            .context("valgrind's count")
    };
    let empty = counted(1)?;
    (0..cases.len())
        .map(|index| Ok(counted(index + 2)?.saturating_sub(empty)))
        .collect()
}
