//! The guest: what is typed to it, what it says, and the processes that it goes through.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::host::{Machine, PATIENCE};
use super::journey::{Journey, Release, Way};
use super::shares::DeviceShares;

const CONTROL: &str = "minimal-vmm --control $control";
/// Where it is saved, unless for a reason.
pub(crate) const SAVED: &str = "/tmp/saved";

/// A guest in a VMM in the host, watched line by line.
#[derive(Debug)]
pub(crate) struct Guest<'m> {
    machine: &'m mut Machine,
    seen: Seen,
    shares: DeviceShares,
    /// How often it was to be moved.
    moves: u32,
}

/// What the guest has said about itself.
#[derive(Debug, Default)]
struct Seen {
    /// The last number that it counted to.
    count: u64,
    /// What happened to its keys and was not waited for yet: Linux's number of the key, and 1 for down, 0 for up.
    keys: VecDeque<(u16, u32)>,
}

impl<'m> Guest<'m> {
    /// Boots it.
    pub(crate) fn boot(machine: &'m mut Machine, cmdline: &str) -> Result<Self> {
        machine.run(&start(&format!(
            "--kernel /vmlinuz --initrd /guest.cpio --mem 128 --cmdline '{cmdline}'"
        )))?;
        let mut guest = Self {
            machine,
            seen: Seen::default(),
            shares: DeviceShares::default(),
            moves: 0,
        };
        let boot = Duration::from_mins(4);
        let ready = |line: &str| (line == "guest: ready").then_some(());
        guest
            .machine
            .terminal
            .wait_for("it to be up", boot, |_| Ok(()), ready)?;
        guest.counts_on()?;
        Ok(guest)
    }

    pub(crate) fn host(&mut self) -> &mut Machine {
        self.machine
    }

    /// How often it was to be moved, which is the name of the destination.
    pub(crate) fn moves(&self) -> u32 {
        self.moves
    }

    pub(crate) fn shares(&self) -> &DeviceShares {
        &self.shares
    }

    /// Waits for a line. No number may be missing up to it, and none may come twice.
    pub(crate) fn expect(&mut self, what: &str, limit: Duration, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let seen = &mut self.seen;
        self.machine.terminal.wait_for(
            what,
            limit,
            |line| seen.take(line),
            |line| wanted(line).then(|| line.to_owned()),
        )
    }

    /// Waits for the next three numbers: it runs.
    pub(crate) fn counts_on(&mut self) -> Result<()> {
        let goal = format!("count {}", self.seen.count + 3);
        self.expect("the count", PATIENCE, |line| line == goal).map(drop)
    }

    /// Types a line and waits for the answer.
    pub(crate) fn hears(&mut self, text: &str) -> Result<()> {
        self.types(&format!("{text}\n"))?;
        self.answers(text)
    }

    pub(crate) fn types(&mut self, text: &str) -> Result<()> {
        self.machine.terminal.type_bytes(text.as_bytes())
    }

    pub(crate) fn answers(&mut self, text: &str) -> Result<()> {
        let answer = format!("heard: {text}");
        self.expect(&format!("`{}`", shorten(&answer)), PATIENCE, |line| line == answer)?;
        println!("   guest heard: {}", shorten(text));
        Ok(())
    }

    /// Has the guest's shell run a command that prints one line, which starts with `label`.
    pub(crate) fn run(&mut self, command: &str, label: &str) -> Result<String> {
        println!("   guest# {command}");
        self.types(&format!("run {command}\n"))?;
        let line = self.expect(&format!("`{label}…`"), PATIENCE, |line| line.starts_with(label))?;
        println!("          {line}");
        Ok(line)
    }

    /// Waits for the next that happens to any key, which must be this.
    pub(crate) fn sees_key(&mut self, code: u16, value: u32) -> Result<()> {
        if self.seen.keys.is_empty() {
            self.expect("a key", PATIENCE, |line| key_event(line).is_some())?;
        }
        let seen = self.seen.keys.pop_front();
        ensure!(seen == Some((code, value)), "not key {code} {value}, but {seen:?}");
        println!(
            "   guest sees key {code} {}",
            if value == 0 { "released" } else { "pressed" }
        );
        Ok(())
    }

    /// Asks the VMM for something.
    pub(crate) fn ask(&mut self, request: &str) -> Result<String> {
        let answer = self.machine.run(&format!("{CONTROL} {request}"))?;
        self.note_saves(&answer)?;
        Ok(answer)
    }

    /// Remembers the times of whatever saves are reported.
    pub(crate) fn note_saves(&mut self, reports: &str) -> Result<()> {
        self.shares.note(reports)
    }

    /// Asks for what must be refused.
    pub(crate) fn ask_in_vain(&mut self, request: &str) -> Result<String> {
        self.machine.refused(&format!("{CONTROL} {request}"))
    }

    /// Goes on in another process, having received `keys` while it stood still, and `typed` before anybody reads it.
    /// Gives what was lost.
    pub(crate) fn goes(&mut self, journey: Journey, keys: &str, typed: &str) -> Result<Vec<String>> {
        let Journey { way, release } = journey;
        if way == Way::Socket {
            self.awaited_elsewhere(release)?;
        }
        self.ask(&format!("--pause {keys}"))?;
        self.types(typed)?;
        let losses = match release {
            Release::Newest => Vec::new(),
            Release::First => self.losses_at_rest()?,
        };
        let answer = match (way, release) {
            (Way::Files, Release::Newest) => self.ask(&format!("--save {SAVED}")),
            (Way::Files, Release::First) => self.ask(&format!("--save {SAVED} --release 1 --lossy")),
            (Way::Socket, Release::Newest) => self.migrate_and_resume(),
            (Way::Socket, Release::First) => self.ask("--migrate /tmp/move --lossy"),
        }?;
        let number = release.number();
        ensure!(
            answer.contains(&format!("at release {number} ")),
            "not written at release {number}"
        );
        let lost: Vec<String> = match answer.split_once("; lost: ") {
            Some((_, lost)) => lost.split(", ").map(str::to_owned).collect(),
            None => Vec::new(),
        };
        ensure!(
            lost == losses,
            "{losses:?} was announced to be lost, and {lost:?} is said to be"
        );
        match way {
            Way::Files => {
                self.kill()?;
                self.restore(SAVED)?;
            }
            Way::Socket => {
                self.ended("ended")?;
                self.lives_elsewhere()?;
            }
        }
        let log = self.machine.run("cat $log")?;
        ensure!(
            log.contains(&format!("ed at release {number} ")),
            "not read at release {number}"
        );
        Ok(losses)
    }

    /// Moves it. Whatever is asked for, it does not go on here as well.
    fn migrate_and_resume(&mut self) -> Result<String> {
        let answer = self.ask_in_vain("--migrate /tmp/move --resume")?;
        ensure!(
            answer.ends_with("minimal-vmm: the guest is gone"),
            "not told that the guest is gone"
        );
        self.note_saves(&answer)?;
        Ok(answer)
    }

    /// What a guest that stands still would lose at release 1, once all that it has said has left the UART.
    fn losses_at_rest(&mut self) -> Result<Vec<String>> {
        loop {
            let losses = self.losses()?;
            if !losses.iter().any(|field| field.starts_with("serial.transmit_")) {
                return Ok(losses);
            }
        }
    }

    /// What the guest would lose at release 1, by the refusal of a save that has not been told that it may.
    pub(crate) fn losses(&mut self) -> Result<Vec<String>> {
        let refusal = self.ask_in_vain(&format!("--save {SAVED} --release 1"))?;
        let fields = refusal.strip_prefix("minimal-vmm: release 1 would lose ");
        let fields = fields.context("the refusal does not say `release 1 would lose`")?;
        Ok(fields.split(", ").map(str::to_owned).collect())
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        self.machine.run("kill -9 $vmm; wait $vmm; true").map(drop)
    }

    pub(crate) fn restore(&mut self, directory: &str) -> Result<()> {
        self.machine.run(&start(&format!("--restore {directory}")))?;
        self.counts_on()
    }

    /// Goes on where it was saved, although it has gone on elsewhere since.
    pub(crate) fn goes_back(&mut self, directory: &str) -> Result<()> {
        const BORDER: &str = "-- what it said since is forgotten";
        self.machine.run(&format!("printf '\\n%s\\n' '{BORDER}' >$terminal"))?;
        let counted = |line: &str| line.strip_prefix("count ").and_then(|number| number.parse().ok());
        let border = |line: &str| (line == BORDER).then_some(());
        let last = &mut self.seen.count;
        let every = |line: &str| {
            // The last line before may have lost its end.
            *last = counted(line).unwrap_or(0).max(*last);
            Ok(())
        };
        self.machine.terminal.wait_for(BORDER, PATIENCE, every, border)?;
        self.machine.run(&start(&format!("--restore {directory}")))?;
        // The line that it was saved in the middle of began before.
        let resumed: u64 = self
            .machine
            .terminal
            .wait_for("the count", PATIENCE, |_| Ok(()), counted)?;
        let last = self.seen.count;
        ensure!(resumed <= last + 1, "it counts on at {resumed}, and had been at {last}");
        self.seen = Seen {
            count: resumed,
            keys: VecDeque::new(),
        };
        self.counts_on()?;
        self.machine.run("cat $log").map(drop)
    }

    /// Starts a VMM that waits for it.
    pub(crate) fn awaited_elsewhere(&mut self, release: Release) -> Result<()> {
        self.moves += 1;
        let name = self.moves;
        let build = match release {
            Release::Newest => "",
            Release::First => "--as-of-release 1 ",
        };
        self.machine.run(&format!(
            "minimal-vmm --receive /tmp/move {build}--control /tmp/there-{name} <$terminal >$terminal 2>/tmp/there-{name}.log & there=$!"
        ))?;
        self.machine
            .run("until [ -e /tmp/move ]; do usleep 10000; done")
            .map(drop)
    }

    /// From now on that VMM is the one that is asked.
    fn lives_elsewhere(&mut self) -> Result<()> {
        let name = self.moves;
        self.machine.run(&format!(
            "vmm=$there; control=/tmp/there-{name}; log=/tmp/there-{name}.log; until [ -e $control ]; do usleep 10000; done"
        ))?;
        self.counts_on()
    }

    /// Waits until the VMM has ended by itself.
    pub(crate) fn ended(&mut self, why: &str) -> Result<()> {
        self.machine.run("wait $vmm")?;
        let log = self.machine.run("tail -n 1 $log")?;
        ensure!(
            log == format!("minimal-vmm: {why}"),
            "the VMM does not say `{why}` at its end"
        );
        Ok(())
    }
}

fn start(arguments: &str) -> String {
    format!(
        "control=/tmp/control; log=/tmp/vmm.log; minimal-vmm {arguments} --control $control <$terminal >$terminal 2>$log & vmm=$!"
    )
}

impl Seen {
    fn take(&mut self, line: &str) -> Result<()> {
        self.keys.extend(key_event(line));
        let Some(number) = line.strip_prefix("count ") else {
            ensure!(!line.contains("count"), "a line is broken: `{line}`");
            return Ok(());
        };
        let expected = self.count + 1;
        ensure!(number == expected.to_string(), "`{line}` instead of {expected}");
        self.count = expected;
        Ok(())
    }
}

/// A `struct input_event` as twelve halfwords, if it is about a key.
fn key_event(line: &str) -> Option<(u16, u32)> {
    const EV_KEY: &str = "1";
    let words: Vec<&str> = line.strip_prefix("event ")?.split_whitespace().collect();
    match words.as_slice() {
        [_, _, _, _, _, _, _, _, EV_KEY, code, value, _] => Some((code.parse().ok()?, value.parse().ok()?)),
        _ => None,
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
