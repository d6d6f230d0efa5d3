//! A scenario, and one run of it.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::calls::Fault;
use crate::strace::{self, Trace};

/// A command that takes longer than this hangs. The longest time-out of `kv-store` is 30 s.
const PATIENCE: Duration = Duration::from_mins(1);

/// A command, what it finds, and what must hold however it ends. Each run has an empty directory of its own.
#[derive(Debug)]
pub struct Scenario {
    /// For the command line.
    pub name: &'static str,
    /// Runs guests.
    pub needs_kvm: bool,
    /// Makes what the command finds. The processes run beside it, without faults, until the check is over.
    pub prepare: fn(&Path) -> Result<Vec<Running>>,
    /// Returns the command that gets the fault.
    pub command: fn(&Path) -> Command,
    /// What others do while it runs, for a command that does not end by itself. It is killed afterwards.
    pub meanwhile: Option<fn(&Path, &mut Running) -> Result<()>>,
    /// Checks what must hold now, and that a later run works.
    pub check: fn(&Path, &Ended) -> Result<()>,
}

/// A process that ends with this.
#[derive(Debug)]
pub struct Running(
    /// The process.
    pub Child,
);

impl Running {
    /// Returns `true` if it has ended.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How the command ended.
#[derive(Debug)]
pub struct Ended {
    /// The status.
    pub status: ExitStatus,
    /// What it printed as errors.
    pub errors: String,
}

impl Ended {
    /// Returns whether it did all that it was to do, and knew it.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// Returns whether it was killed, so that it could not tidy up.
    #[must_use]
    pub fn killed(&self) -> bool {
        self.status.signal() == Some(9)
    }
}

/// Runs a scenario once, with a fault if there is one.
///
/// # Errors
///
/// What does not hold.
pub(crate) fn attempt(scenario: &Scenario, fault: Option<&Fault>) -> Result<Trace> {
    let (directory, own) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let directory = directory.path();
    let running = (scenario.prepare)(directory).context("cannot prepare the run")?;
    let [log, output, errors] = ["log", "output", "errors"].map(|name| own.path().join(name));
    let mut command = strace::wrap(&(scenario.command)(directory), &log, fault);
    let command = command.stdout(File::create(output)?).stderr(File::create(&errors)?);
    let mut process = Running(command.spawn().context("cannot start strace")?);
    if let Some(meanwhile) = scenario.meanwhile {
        meanwhile(directory, &mut process).context("while it ran")?;
        process.0.kill()?;
    }
    let status = wait(&mut process.0)?;
    let ended = Ended {
        status,
        errors: String::from_utf8_lossy(&fs::read(errors)?).into_owned(),
    };
    let trace = Trace::read(&log)?;
    ends_well(&ended, fault, scenario.meanwhile.is_some())?;
    (scenario.check)(directory, &ended)
        .with_context(|| format!("it ended with {status} and said {:?}", ended.errors))?;
    drop(running);
    Ok(trace)
}

fn wait(process: &mut Child) -> Result<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = process.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    bail!("it hangs")
}

/// Checks that a process ended with a sentence where it failed, and never with a panic.
fn ends_well(ended: &Ended, fault: Option<&Fault>, is_killed_in_the_end: bool) -> Result<()> {
    let Ended { status, errors } = ended;
    ensure!(
        !errors.contains("panicked") && status.code() != Some(101),
        "it panicked: {errors:?}"
    );
    match status.signal() {
        None => {}
        Some(9) if is_killed_in_the_end || fault.is_some_and(|fault| fault.error.is_none()) => {}
        // The standard library's way where no memory is left.
        Some(6) if errors.starts_with("memory allocation of ") => {}
        Some(signal) => bail!("signal {signal} ended it: {errors:?}"),
    }
    // Where it could not write, it could say nothing.
    let is_mute = fault.is_some_and(|fault| fault.call.starts_with("write"));
    ensure!(
        status.code().is_none_or(|code| code == 0) || is_mute || !errors.trim().is_empty(),
        "it said nothing: {status}"
    );
    ensure!(
        fault.is_some() || status.success() || is_killed_in_the_end,
        "{status}: {errors:?}"
    );
    Ok(())
}

/// Runs a command without a fault and returns what it printed, as a later run.
///
/// # Errors
///
/// If it does not succeed.
pub fn later(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "a later run does not work: {}: {errors}",
        output.status
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Checks what is in the directory: `names`, in their order, and nothing else. Where the program was killed, hidden
/// temporary files beside them are no harm.
///
/// # Errors
///
/// If it holds something else.
pub fn holds_only(directory: &Path, names: &[&str], ended: &Ended) -> Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        found.push(entry?.file_name().to_string_lossy().into_owned());
    }
    found.retain(|name| !(ended.killed() && name.starts_with('.')));
    found.sort();
    ensure!(found == names, "the directory holds {found:?}");
    Ok(())
}
