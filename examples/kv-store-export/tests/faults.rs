//! Faults of the system during `kv-store`: the client's export and import, and the server.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

use devstate_faults::{Ended, Running, Scenario, holds_only, later};

fn main() -> ExitCode {
    devstate_faults::main(&[EXPORT, IMPORT, SERVE])
}

/// An export in place of an older one.
const EXPORT: Scenario = Scenario {
    name: "export",
    needs_kvm: false,
    prepare: |directory| {
        let server = serve(directory, "socket", &[])?;
        later(&mut store(directory, &["put", "lamp", "on"]))?;
        later(&mut store(directory, &["export", "file"]))?;
        fs::copy(directory.join("file"), directory.join("older"))?;
        later(&mut store(directory, &["put", "long", &"7".repeat(4096)]))?;
        later(&mut store(directory, &["export", "newer"]))?;
        Ok(vec![server])
    },
    command: |directory| store(directory, &["export", "file"]),
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
        holds_only(directory, &["file", "newer", "older", "socket"], ended)?;
        later(&mut store(directory, &["export", "file"]))?;
        ensure!(read("file")? == newer, "a later run exported something else");
        Ok(())
    },
};

/// An import into a store that has one of the items.
const IMPORT: Scenario = Scenario {
    name: "import",
    needs_kvm: false,
    prepare: |directory| {
        let first = serve(directory, "socket", &[])?;
        for key in ["lamp", "door", "window"] {
            later(&mut store(directory, &["put", key, "on"]))?;
        }
        later(&mut store(directory, &["export", "file"]))?;
        drop(first);
        let second = serve(directory, "socket", &[])?;
        later(&mut store(directory, &["put", "lamp", "off"]))?;
        Ok(vec![second])
    },
    command: |directory| store(directory, &["import", "file"]),
    meanwhile: None,
    check: |directory, ended| {
        holds_only(directory, &["file", "socket"], ended)?;
        let printed = later(&mut store(directory, &["import", "file"]))?;
        ensure!(
            !ended.succeeded() || printed.starts_with("imported 0 items"),
            "it succeeded, and then: {printed}"
        );
        for (key, value) in [("lamp", "off"), ("door", "on"), ("window", "on")] {
            let found = later(&mut store(directory, &["get", key]))?;
            ensure!(found == value, "{key} is {found}");
        }
        Ok(())
    },
};

/// A server that starts with a file, and its clients.
const SERVE: Scenario = Scenario {
    name: "serve",
    needs_kvm: false,
    prepare: |directory| {
        let server = serve(directory, "other", &[])?;
        later(store(directory, &["put", "lamp", "on"]).args(["--socket", "other"]))?;
        later(store(directory, &["export", "file"]).args(["--socket", "other"]))?;
        Ok(vec![server])
    },
    command: |directory| store(directory, &["serve", "--from", "file", "--clients", "4"]),
    meanwhile: Some(|directory, server| {
        let ask = |arguments: &[&str]| {
            let output = store(directory, arguments).output()?;
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(
                output.status.success() || errors.starts_with("kv-store: "),
                "{arguments:?}: {errors}"
            );
            ensure!(!errors.contains("no answer in time"), "{arguments:?}: {errors}");
            Ok(output.status.success())
        };
        // Each of its threads can meet the fault, so that it never answers.
        for _ in 0..50 {
            if server.has_ended()? || ask(&["get", "lamp"])? {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        for arguments in [
            &["put", "door", "open"][..],
            &["export", "first"],
            &["export", "second"],
            &["import", "file"],
        ] {
            ask(arguments)?;
        }
        Ok(())
    }),
    check: |directory, _: &Ended| {
        for name in ["first", "second"] {
            if directory.join(name).exists() {
                later(&mut store(directory, &["list", name]))?;
            }
        }
        let _again = serve(directory, "socket", &["--from", "file"])?;
        let found = later(&mut store(directory, &["get", "lamp"]))?;
        ensure!(found == "on", "lamp is {found}");
        Ok(())
    },
};

fn store(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kv-store"));
    command
        .args(["--socket", "socket"])
        .args(arguments)
        .current_dir(directory);
    command
}

/// Starts a server, and waits until it listens.
fn serve(directory: &Path, socket: &str, arguments: &[&str]) -> Result<Running> {
    let mut command = store(directory, &["serve", "--socket", socket]);
    let mut child = command.args(arguments).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("no output")?;
    let server = Running(child);
    for line in BufReader::new(output).lines() {
        if line?.starts_with("listening") {
            return Ok(server);
        }
    }
    anyhow::bail!("a later server does not start")
}
