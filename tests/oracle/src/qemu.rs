//! A QEMU whose devices are driven from outside while its guest stands still.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What to start.
#[derive(Default)]
pub(crate) struct Machine {
    /// `qemu-system-…`
    pub(crate) program: &'static str,
    /// Everything but the sockets, with spaces between; `{dir}` stands for the folder that has `files`.
    pub(crate) arguments: String,
    /// Files to write there: name and content.
    pub(crate) files: Vec<(&'static str, Vec<u8>)>,
    /// How many character devices connect to `{dir}/input0`, `{dir}/input1`, and so on.
    pub(crate) inputs: usize,
    /// The interrupt controller whose inputs are watched, by its type or name, if any are.
    pub(crate) interrupt_controller: Option<&'static str>,
    /// Commands that follow every reset.
    pub(crate) after_reset: &'static [&'static str],
    /// Whether the machine runs when no time passes. Keys and mice are only heard then.
    pub(crate) runs: bool,
}

/// A level that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The interrupt controller's input.
    pub(crate) line: u16,
    /// The new level.
    pub(crate) level: bool,
}

/// What an access gave, and the edges that it made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The value read.
    pub(crate) value: Option<u64>,
    /// In order.
    pub(crate) edges: Vec<Edge>,
}

/// A QEMU that runs, until dropped.
pub(crate) struct Qemu {
    child: Child,
    qtest: BufReader<UnixStream>,
    qmp: BufReader<UnixStream>,
    inputs: Vec<UnixStream>,
    after_reset: &'static [&'static str],
    line: String,
    stray: Vec<Edge>,
    folder: tempfile::TempDir,
}

/// Much more than QEMU ever takes: a machine may have a lot else to do.
const PATIENCE: Duration = Duration::from_mins(2);

/// Each look at the time stops the guest for a moment, and with it time.
const BETWEEN_LOOKS: Duration = Duration::from_micros(300);

/// Replies must fit into the socket while we still write commands.
const BATCH: usize = 400;

impl Qemu {
    pub(crate) fn start(machine: &Machine) -> Result<Self> {
        let mut qemu = Self::spawn(machine, None)?;
        qemu.prepare()?;
        qemu.let_run(machine)?;
        Ok(qemu)
    }

    /// A QEMU that goes on from a migration file.
    pub(crate) fn from_migration(machine: &Machine, file: &[u8]) -> Result<Self> {
        let mut qemu = Self::spawn(machine, Some(file))?;
        let start = Instant::now();
        while qemu.qmp("query-status", &json!({}))?["status"] == "inmigrate" {
            ensure!(start.elapsed() < PATIENCE, "QEMU does not load");
            std::thread::sleep(BETWEEN_LOOKS);
        }
        qemu.let_run(machine)?;
        Ok(qemu)
    }

    /// The machine as a migration file. It stands still while it is written, and goes on then.
    pub(crate) fn migrate(&mut self, machine: &Machine) -> Result<Vec<u8>> {
        let file = self.folder.path().join("migration");
        let uri = format!("exec:cat>{}", file.display());
        self.qmp("migrate", &json!({"uri": uri}))?;
        let start = Instant::now();
        loop {
            let state = self.qmp("query-migrate", &json!({}))?;
            match state["status"].as_str() {
                Some("completed") => break,
                Some("failed") => bail!("QEMU does not migrate: {state}"),
                _ => ensure!(start.elapsed() < PATIENCE, "QEMU does not migrate"),
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        self.let_run(machine)?;
        // `cat` may still be writing: the description ends with a brace, and nothing follows it.
        loop {
            let bytes = std::fs::read(&file)?;
            if devstate_qemu::Migration::parse(&bytes).is_ok() {
                return Ok(bytes);
            }
            ensure!(start.elapsed() < PATIENCE, "the migration file is never whole");
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    fn let_run(&mut self, machine: &Machine) -> Result<()> {
        if machine.runs {
            self.qmp("cont", &json!({}))?;
        }
        Ok(())
    }

    fn spawn(machine: &Machine, incoming: Option<&[u8]>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let incoming = match incoming {
            None => vec![],
            Some(bytes) => {
                let file = path.join("incoming");
                std::fs::write(&file, bytes)?;
                vec!["-incoming".to_owned(), format!("exec:cat {}", file.display())]
            }
        };
        for (name, content) in &machine.files {
            std::fs::write(path.join(name), content)?;
        }
        let listen = |name: &str| UnixListener::bind(path.join(name)).context("cannot listen");
        let (qtest, qmp) = (listen("qtest")?, listen("qmp")?);
        let inputs: Vec<_> = (0..machine.inputs)
            .map(|index| listen(&format!("input{index}")))
            .collect::<Result<_>>()?;
        let mut child = Command::new(machine.program)
            .args(
                machine
                    .arguments
                    .split_whitespace()
                    .map(|argument| in_folder(argument, path)),
            )
            .args(&incoming)
            .args(["-S", "-nodefaults", "-display", "none", "-qtest-log", "/dev/null"])
            .args([
                "-qtest",
                &in_folder("unix:{dir}/qtest", path),
                "-qmp",
                &in_folder("unix:{dir}/qmp", path),
            ])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", machine.program))?;
        let inputs = inputs
            .iter()
            .map(|input| accept(input, &mut child))
            .collect::<Result<_>>();
        let sockets = inputs.and_then(|inputs| Ok((inputs, accept(&qtest, &mut child)?, accept(&qmp, &mut child)?)));
        let (inputs, qtest, qmp) = match sockets {
            Ok(sockets) => sockets,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        let mut qemu = Self {
            child,
            qtest: BufReader::new(qtest),
            qmp: BufReader::new(qmp),
            inputs,
            after_reset: machine.after_reset,
            line: String::new(),
            stray: Vec::new(),
            folder,
        };
        qemu.greet(machine)?;
        Ok(qemu)
    }

    fn greet(&mut self, machine: &Machine) -> Result<()> {
        self.qmp_line()?;
        self.qmp("qmp_capabilities", &json!({}))?;
        if let Some(controller) = machine.interrupt_controller {
            let controller = self.find(controller)?;
            self.commands(&[format!("irq_intercept_in {controller}")])?;
        }
        Ok(())
    }

    /// The path of a device: one without a name is found by its type, any other by its name.
    fn find(&mut self, device: &str) -> Result<String> {
        let children = self.qmp("qom-list", &json!({"path": "/machine/unattached"}))?;
        let kind = format!("child<{device}>");
        let is_it = |child: &&Value| child["type"] == kind.as_str();
        let nameless = children.as_array().and_then(|children| children.iter().find(is_it));
        let name = nameless.and_then(|child| child["name"].as_str());
        Ok(name.map_or(device.to_owned(), |name| format!("/machine/unattached/{name}")))
    }

    fn prepare(&mut self) -> Result<()> {
        let commands: Vec<String> = self.after_reset.iter().map(ToString::to_string).collect();
        self.commands(&commands)?;
        Ok(())
    }

    /// Register accesses, in qtest's words.
    pub(crate) fn commands(&mut self, commands: &[String]) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(commands.len());
        for batch in commands.chunks(BATCH) {
            let mut text = batch.join("\n");
            text.push('\n');
            self.qtest.get_mut().write_all(text.as_bytes())?;
            for command in batch {
                outcomes.push(self.reply().with_context(|| command.clone())?);
            }
        }
        Ok(outcomes)
    }

    fn reply(&mut self) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        loop {
            self.line.clear();
            ensure!(self.qtest.read_line(&mut self.line)? != 0, "QEMU has gone");
            let mut words = self.line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("OK"), None, _) => return Ok(outcome),
                (Some("OK"), Some(value), None) => {
                    let digits = value.strip_prefix("0x");
                    outcome.value = digits.map(|digits| u64::from_str_radix(digits, 16)).transpose()?;
                    return Ok(outcome);
                }
                (Some("IRQ"), Some(direction), Some(line)) => outcome.edges.push(Edge {
                    line: line.parse()?,
                    level: direction == "raise",
                }),
                _ => bail!("QEMU says: {}", self.line.trim()),
            }
        }
    }

    /// The value that an access gives. Edges meanwhile belong to what goes on: they are kept for [`settle`](Self::settle).
    pub(crate) fn peek(&mut self, command: &str) -> Result<u64> {
        let outcome = self.commands(&[command.to_owned()])?.pop().unwrap_or_default();
        self.stray.extend(outcome.edges);
        outcome.value.with_context(|| format!("{command} gives nothing"))
    }

    /// Bytes for a character device. It reads them in up to `rounds` turns of QEMU's main loop.
    pub(crate) fn input(&mut self, index: usize, bytes: &[u8], rounds: usize) -> Result<Outcome> {
        self.inputs.get_mut(index).context("no such input")?.write_all(bytes)?;
        self.settle(rounds + 1)
    }

    /// What a character device has written since the last call: at most `most` bytes.
    pub(crate) fn output(&mut self, index: usize, most: usize) -> Result<Vec<u8>> {
        let stream = self.inputs.get_mut(index).context("no such output")?;
        let mut bytes = vec![0; most];
        stream.set_nonblocking(true)?;
        let mut len = 0;
        while let Some(free) = bytes.get_mut(len..).filter(|free| !free.is_empty()) {
            match stream.read(free) {
                Ok(0) => bail!("QEMU has gone"),
                Ok(more) => len += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        stream.set_nonblocking(false)?;
        bytes.truncate(len);
        Ok(bytes)
    }

    /// Waits until what came by another socket than qtest's has been dealt with, and gives the edges that it made.
    ///
    /// QEMU looks at all sockets in each turn of its main loop, so what was written to one of them before a command was
    /// written to another one is dealt with, at the latest, in the turn that reads the command.
    pub(crate) fn settle(&mut self, turns: usize) -> Result<Outcome> {
        let mut all = Outcome {
            value: None,
            edges: std::mem::take(&mut self.stray),
        };
        for _ in 0..turns {
            for outcome in self.commands(&[NOTHING.to_owned()])? {
                all.edges.extend(outcome.edges);
            }
        }
        Ok(all)
    }

    /// Runs a command of QEMU's machine protocol.
    pub(crate) fn qmp(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let mut text = json!({"execute": command, "arguments": arguments}).to_string();
        text.push('\n');
        self.qmp.get_mut().write_all(text.as_bytes())?;
        loop {
            let mut message = self.qmp_line().with_context(|| command.to_owned())?;
            if message.get("event").is_some() {
                continue;
            }
            if let Some(result) = message.get_mut("return") {
                return Ok(result.take());
            }
            bail!("{command}: {message}");
        }
    }

    fn qmp_line(&mut self) -> Result<Value> {
        self.line.clear();
        ensure!(self.qmp.read_line(&mut self.line)? != 0, "QEMU has gone");
        Ok(serde_json::from_str(&self.line)?)
    }

    /// A reset of the machine, as by its button.
    pub(crate) fn reset(&mut self) -> Result<Outcome> {
        let mut text = json!({"execute": "system_reset"}).to_string();
        text.push('\n');
        self.qmp.get_mut().write_all(text.as_bytes())?;
        let (mut returned, mut done) = (false, false);
        while !(returned && done) {
            let message = self.qmp_line()?;
            returned |= message.get("return").is_some();
            done |= message["event"] == "RESET";
        }
        let outcome = self.settle(1)?;
        self.prepare()?;
        Ok(outcome)
    }

    /// A reset of the machine that comes of that access.
    pub(crate) fn reset_by(&mut self, command: &str) -> Result<Outcome> {
        let mut outcome = self.commands(&[command.to_owned()])?.pop().unwrap_or_default();
        while self.qmp_line()?["event"] != "RESET" {}
        outcome.edges.extend(self.settle(1)?.edges);
        self.prepare()?;
        Ok(outcome)
    }

    /// Lets the guest run, and with it time, until `enough` says so.
    pub(crate) fn run_until(&mut self, mut enough: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        self.qmp("cont", &json!({}))?;
        let start = Instant::now();
        while !enough(self)? {
            ensure!(start.elapsed() < PATIENCE, "time does not pass");
            std::thread::sleep(BETWEEN_LOOKS);
        }
        self.qmp("stop", &json!({}))?;
        Ok(())
    }
}

/// A command that does nothing.
const NOTHING: &str = "endianness";

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn in_folder(argument: &str, folder: &Path) -> String {
    argument.replace("{dir}", &folder.to_string_lossy())
}

fn accept(listener: &UnixListener, child: &mut Child) -> Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = child.try_wait()? {
            bail!("QEMU ended at once: {status}");
        }
        ensure!(start.elapsed() < PATIENCE, "QEMU does not connect");
        std::thread::sleep(Duration::from_millis(2));
    }
}
