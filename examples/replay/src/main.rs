//! `replay`: what a real guest did, once more, on devices that are saved and restored after every event.

#![forbid(unsafe_code)]

mod arguments;
mod print;
mod record;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use devstate_file::{load_file, save_file};
use devstate_replay::{
    MAX_SNAPSHOT_LEN, MachineStateSer, Release, ReplayError, Report, Settings, Span, Trace, TraceError, replay,
    shipped_traces, write_snapshot,
};
use devstate_versioning::buffer;
use devstate_versioning::schema::Json;

use arguments::{Arguments, Command};

const MISMATCH: u8 = 1;
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse().checked();
    match run(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(MISMATCH),
        Err(error) => {
            // Nobody has to read this either.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::from(BAD_INPUT)
        }
    }
}

/// Replays everything that was asked for, and counts mismatches.
fn run(arguments: &Arguments) -> anyhow::Result<usize> {
    if let Some(Command::Record(args)) = &arguments.command {
        show(&record::run(args)?)?;
        return Ok(0);
    }
    if arguments.schema {
        show(&Json::<Release>::new().to_string())?;
        return Ok(0);
    }
    let traces = traces(arguments)?;
    let settings = Settings {
        every: arguments.every,
        release: arguments.release,
        lossy: arguments.lossy,
    };
    let snapshot = match &arguments.from {
        Some(path) => Some(load_file(path, MAX_SNAPSHOT_LEN)?),
        None => None,
    };
    let mut mismatches = 0;
    for (trace, part) in parts(&traces, arguments)? {
        let span = Span {
            from: part.skipped.zip(snapshot.as_deref()),
            until: part.until,
        };
        let report = replay(trace, &settings, span).map_err(|error| blame(error, arguments, trace))?;
        mismatches += report.mismatches.len();
        show(&print::report(&report, arguments))?;
        if part.until.is_some() {
            write_out(&report, arguments)?;
        }
    }
    show(&format!("total: {mismatches} mismatches\n"))?;
    Ok(mismatches)
}

fn traces(arguments: &Arguments) -> Result<Vec<Trace>, TraceError> {
    if arguments.traces.is_empty() {
        return shipped_traces();
    }
    arguments.traces.iter().map(|path| Trace::read(path)).collect()
}

/// The events of one trace that are replayed.
#[derive(Clone, Copy, Default)]
struct Part {
    /// Go on after so many.
    skipped: Option<usize>,
    /// Stop after so many.
    until: Option<usize>,
}

/// Which traces are replayed, and which part of each. `--at` counts events through all of them.
fn parts<'t>(traces: &'t [Trace], arguments: &Arguments) -> anyhow::Result<Vec<(&'t Trace, Part)>> {
    let Some(at) = arguments.at else {
        return Ok(traces.iter().map(|trace| (trace, Part::default())).collect());
    };
    let mut before = 0;
    for (index, trace) in traces.iter().enumerate() {
        let local = at.saturating_sub(before);
        before += trace.steps.len();
        if at > before {
            continue;
        }
        let (mut parts, part): (Vec<_>, _) = if arguments.from.is_some() {
            let after = traces.iter().skip(index + 1);
            let part = Part {
                skipped: Some(local),
                until: None,
            };
            (after.map(|trace| (trace, Part::default())).collect(), part)
        } else {
            let earlier = traces.iter().take(index);
            let part = Part {
                skipped: None,
                until: Some(local),
            };
            (earlier.map(|trace| (trace, Part::default())).collect(), part)
        };
        parts.insert(if arguments.from.is_some() { 0 } else { index }, (trace, part));
        return Ok(parts);
    }
    anyhow::bail!("--at {at}: there are only {before} events")
}

fn blame(error: ReplayError, arguments: &Arguments, trace: &Trace) -> anyhow::Error {
    let file = match &arguments.from {
        Some(snapshot) => snapshot.to_string_lossy().escape_debug().to_string(),
        None => trace.file.clone(),
    };
    anyhow::Error::new(error).context(file)
}

fn write_out(report: &Report, arguments: &Arguments) -> anyhow::Result<()> {
    let Some(path) = &arguments.out else { return Ok(()) };
    let mut buffer = buffer!(MachineStateSer);
    let mut lost = Vec::new();
    let bytes = write_snapshot(&report.state, arguments.release, &mut buffer, &mut |field| {
        lost.push(field);
    })?;
    save_file(path, bytes)?;
    let mut text = format!(
        "{}: {} bytes at release {}, after event {}\n",
        path.to_string_lossy().escape_debug(),
        bytes.len(),
        arguments.release.number(),
        arguments.at.unwrap_or_default()
    );
    if !lost.is_empty() {
        let _ = writeln!(text, "    this release does not hold {}", lost.join(", "));
    }
    show(&text)
}

/// To standard output. Nobody has to read to the end.
fn show(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}
