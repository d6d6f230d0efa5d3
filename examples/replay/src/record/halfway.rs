//! A guest that is stopped once while it is recorded, and whose devices are saved.

use super::lines::CLOCK_AT_SAVE;
use anyhow::{Context, Result, bail, ensure};
use devstate_qemu::Migration;
use devstate_replay::Trace;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// The comment of a trace behind the last event before the save.
const MARK: &str = "# Here the devices were saved.";

/// Longer than QEMU ever takes to start or to write its file.
const PATIENCE: Duration = Duration::from_mins(2);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Runs QEMU to its end, and gives its log with a mark where the devices were saved.
pub(super) fn run(command: &mut Command, log: &Path, file: &Path, after: f64) -> Result<(ExitStatus, Vec<u8>)> {
    let folder = tempfile::tempdir()?;
    let (socket, whole) = (folder.path().join("qmp"), folder.path().join("whole"));
    command
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", socket.display()));
    let mut child = command.spawn().context("cannot start QEMU")?;
    let marked = save(&mut child, &socket, log, &whole, after);
    if marked.is_err() {
        let _ = child.kill();
    }
    let status = child.wait()?;
    let len = marked?;
    let bytes = fs::read(&whole)?;
    let migration = Migration::parse(&bytes)?;
    fs::write(file, migration.trimmed()?).with_context(|| file.display().to_string())?;
    let mut text = fs::read(log).with_context(|| log.display().to_string())?;
    let rest = text.split_off(len);
    if let Some(rtc) = migration.import(None, &mut |_| true)?.rtc {
        text.extend(format!("{CLOCK_AT_SAVE} {:#x}\n", rtc.counter).into_bytes());
    }
    text.extend(format!("{MARK}\n").into_bytes());
    text.extend(rest);
    Ok((status, text))
}

/// Stops the guest, saves it and lets it go on. Gives the length of the log at that moment.
fn save(child: &mut Child, socket: &Path, log: &Path, whole: &Path, after: f64) -> Result<usize> {
    let mut qmp = Qmp::connect(child, socket)?;
    std::thread::sleep(Duration::try_from_secs_f64(after).context("--after")?);
    qmp.run("stop", &json!({}))?;
    let len = fs::metadata(log)?.len();
    qmp.run("migrate", &json!({"uri": format!("exec:cat>{}", whole.display())}))?;
    let start = Instant::now();
    loop {
        let state = qmp.run("query-migrate", &json!({}))?;
        let done = fs::read(whole).is_ok_and(|bytes| Migration::parse(&bytes).is_ok());
        match state.get("status").and_then(Value::as_str) {
            Some("completed") if done => break,
            Some("failed") => bail!("QEMU does not migrate: {state}"),
            _ => ensure!(start.elapsed() < PATIENCE, "QEMU does not migrate"),
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    ensure!(fs::metadata(log)?.len() == len, "the guest went on while it was saved");
    qmp.run("cont", &json!({}))?;
    Ok(usize::try_from(len)?)
}

/// QEMU's machine protocol.
struct Qmp(BufReader<UnixStream>);

impl Qmp {
    fn connect(child: &mut Child, socket: &Path) -> Result<Self> {
        let start = Instant::now();
        let stream = loop {
            if let Ok(stream) = UnixStream::connect(socket) {
                break stream;
            }
            if let Some(status) = child.try_wait()? {
                bail!("QEMU ended at once: {status}");
            }
            ensure!(start.elapsed() < PATIENCE, "QEMU does not listen");
            std::thread::sleep(BETWEEN_LOOKS);
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut qmp = Self(BufReader::new(stream));
        qmp.message()?;
        qmp.run("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    fn run(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let text = json!({"execute": command, "arguments": arguments}).to_string();
        writeln!(self.0.get_mut(), "{text}")?;
        loop {
            let mut message = self.message()?;
            if let Some(result) = message.get_mut("return") {
                return Ok(result.take());
            }
            ensure!(message.get("error").is_none(), "{command}: {message}");
        }
    }

    fn message(&mut self) -> Result<Value> {
        let mut line = String::new();
        ensure!(self.0.read_line(&mut line)? != 0, "QEMU has gone");
        Ok(serde_json::from_str(&line)?)
    }
}

/// How many events of a trace come before the mark.
pub(super) fn events_before(trace: &str) -> Result<usize> {
    let (before, _) = trace.split_once(MARK).context("the trace has no mark")?;
    Ok(Trace::parse("the trace before the mark", before)?.steps.len())
}
