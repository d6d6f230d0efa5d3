//! Runs steps in two lanes, because most of them leave a processor idle: one lane has the steps that build in the workspace's
//! `target`, and the other one those that build in folders of their own. A lane that is done with its steps helps the other one.

use crate::install::{Skip, is_allowed, is_ci};
use crate::process::{program, run_and_show};
use crate::steps::{Folder, STEPS, Step};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::{env, fmt, fs, iter, thread};

/// A step that was tried.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) step: String,
    pub(crate) outcome: Outcome,
    pub(crate) seconds: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Passed,
    /// With the error.
    Failed(String),
    /// With the reason.
    Skipped(String),
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (outcome, text) = match &self.outcome {
            Outcome::Passed => ("passed", ""),
            Outcome::Failed(error) => ("FAILED", error.as_str()),
            Outcome::Skipped(reason) => ("skipped", reason.as_str()),
        };
        let line = format!("{outcome:8} {:11} {:4} s  {text}", self.step, self.seconds);
        f.write_str(line.trim_end())
    }
}

/// Runs the steps, and returns what became of each, in the order of [`STEPS`].
pub(crate) fn run(steps: Vec<&'static Step>) -> Vec<Attempt> {
    let (shared, own): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| step.folder == Folder::Shared);
    if shared.is_empty() {
        return own.into_iter().map(here).collect();
    }
    let waiting = Mutex::new(own.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut report: Vec<_> = thread::scope(|scope| {
        let beside = scope.spawn(|| iter::from_fn(next).map(beside).collect::<Vec<_>>());
        let here: Vec<_> = shared.into_iter().chain(iter::from_fn(next)).map(here).collect();
        let beside = beside.join().unwrap_or_else(|panic| resume_unwind(panic));
        here.into_iter().chain(beside).collect()
    });
    report.sort_by_key(|attempt| STEPS.iter().position(|step| step.name == attempt.step));
    report
}

/// Runs the step in this process, and lets it print.
fn here(step: &Step) -> Attempt {
    println!("\n== {}: {}", step.name, step.what);
    let start = Instant::now();
    let outcome = match (step.run)() {
        Ok(()) => Outcome::Passed,
        Err(error) => match error.downcast_ref::<Skip>() {
            Some(skip) if !(skip.within_reach && is_ci()) => Outcome::Skipped(format!("{error:#}")),
            _ => Outcome::Failed(format!("{error:#}")),
        },
    };
    let attempt = Attempt {
        step: step.name.to_owned(),
        outcome,
        seconds: start.elapsed().as_secs(),
    };
    println!("-- {attempt}");
    attempt
}

/// Runs the step in a process of its own, and prints its output in one piece when it has ended.
fn beside(step: &Step) -> Attempt {
    let start = Instant::now();
    reported(step).unwrap_or_else(|error| Attempt {
        step: step.name.to_owned(),
        outcome: Outcome::Failed(format!("{error:#}")),
        seconds: start.elapsed().as_secs(),
    })
}

fn reported(step: &Step) -> Result<Attempt> {
    let report = tempfile::NamedTempFile::new()?;
    let mut command = program(env::current_exe()?);
    command.args(["test", step.name, "--report"]).arg(report.path());
    if is_allowed() {
        command.arg("--install");
    }
    let ended = run_and_show(command);
    match serde_json::from_slice::<[Attempt; 1]>(&fs::read(report.path())?) {
        Ok([attempt]) => Ok(attempt),
        // It ended before it could write one.
        Err(error) => ended.and(Err(error).context("the step has left no report")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Outcome, beside, here, run};
    use crate::install::Skip;
    use crate::steps::{Folder, STEPS, Step};
    use anyhow::{Result, bail};

    fn step(name: &'static str, run: fn() -> Result<()>) -> Step {
        Step {
            name,
            what: "a step of a test",
            folder: Folder::Own,
            run,
        }
    }

    #[test]
    fn a_step_passes_fails_or_is_skipped() {
        let skipped = || Err(Skip::beyond_this_machine("no such hardware").into());
        let lines = [
            step("good", || Ok(())),
            step("bad", || bail!("two lines\nof error")),
            step("impossible", skipped),
        ]
        .map(|step| here(&step).to_string());
        assert_eq!(
            lines,
            [
                "passed   good           0 s",
                "FAILED   bad            0 s  two lines\nof error",
                "skipped  impossible     0 s  no such hardware",
            ]
        );
    }

    #[test]
    fn another_process_reads_what_a_step_reports() {
        let report = [
            Outcome::Passed,
            Outcome::Failed("why".into()),
            Outcome::Skipped(String::new()),
        ]
        .map(|outcome| Attempt {
            step: "fuzz".into(),
            outcome,
            seconds: 7,
        });
        let json = serde_json::to_vec(&report).unwrap();
        assert_eq!(serde_json::from_slice::<[Attempt; 3]>(&json).unwrap(), report);
    }

    #[test]
    fn a_process_that_ends_without_a_report_has_failed() {
        // This test program does not know the option `--report`.
        let attempt = beside(&step("fuzz", || Ok(())));
        let Outcome::Failed(error) = &attempt.outcome else {
            panic!("{attempt}");
        };
        assert!(
            error.contains("test fuzz --report") && error.contains("exit status"),
            "{error}"
        );
    }

    #[test]
    fn nothing_runs_beside_nothing() {
        assert_eq!(run(Vec::new()), []);
        assert!(STEPS.iter().any(|step| step.folder == Folder::Own));
        assert!(STEPS.iter().any(|step| step.folder == Folder::Shared));
    }
}
