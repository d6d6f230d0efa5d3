//! Faults of the system during `replay`, which saves a machine to a file, and goes on from it.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::ensure;

use devstate_faults::{Scenario, holds_only, later};

fn main() -> ExitCode {
    devstate_faults::main(&[SAVE, RESTORE])
}

/// A snapshot in place of an older one.
const SAVE: Scenario = Scenario {
    name: "save",
    needs_kvm: false,
    prepare: |directory| {
        later(&mut save(directory, "older", "10"))?;
        later(&mut save(directory, "newer", "30"))?;
        fs::copy(directory.join("older"), directory.join("file"))?;
        Ok(Vec::new())
    },
    command: |directory| save(directory, "file", "30"),
    meanwhile: None,
    check: |directory, ended| {
        let read = |name: &str| fs::read(directory.join(name));
        let (file, newer) = (read("file")?, read("newer")?);
        ensure!(
            file == newer || !ended.succeeded(),
            "it succeeded, and the file is the older one"
        );
        ensure!(
            file == newer || file == read("older")?,
            "the file is neither the older nor the newer one"
        );
        holds_only(directory, &["file", "newer", "older"], ended)?;
        later(&mut save(directory, "file", "30"))?;
        ensure!(read("file")? == newer, "a later run saved something else");
        Ok(())
    },
};

/// A machine that goes on from a snapshot.
const RESTORE: Scenario = Scenario {
    name: "restore",
    needs_kvm: false,
    prepare: |directory| later(&mut save(directory, "file", "30")).map(|_| Vec::new()),
    command: restore,
    meanwhile: None,
    check: |directory, ended| {
        holds_only(directory, &["file"], ended)?;
        let printed = later(&mut restore(directory))?;
        ensure!(printed.ends_with("total: 0 mismatches\n"), "{printed}");
        Ok(())
    },
};

fn save(directory: &Path, file: &str, at: &str) -> Command {
    replay(directory, &["--at", at, "--out", file])
}

fn restore(directory: &Path) -> Command {
    replay(directory, &["--at", "30", "--from", "file"])
}

/// On the short one of the traces.
fn replay(directory: &Path, arguments: &[&str]) -> Command {
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/linux-6.1-arm64-pl031.trace");
    let mut command = Command::new(env!("CARGO_BIN_EXE_replay"));
    command.arg(trace).args(arguments).current_dir(directory);
    command
}
