//! What is tried on both architectures: a guest that counts goes through saves, kills and a move without missing a
//! number.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::host::Machine;

const CONTROL: &str = "minimal-vmm --control $control";
pub(crate) const SAVED: &str = "/tmp/saved";
const PATIENCE: Duration = Duration::from_mins(3);

/// A guest in a VMM in the host, watched line by line.
#[derive(Debug)]
pub(crate) struct Guest<'m> {
    machine: &'m mut Machine,
    seen: Seen,
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
        };
        // What a guest before it said last is none of its business.
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
        let line = self.expect(command, PATIENCE, |line| line.starts_with(label))?;
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
        self.machine.run(&format!("{CONTROL} {request}"))
    }

    /// Asks for what must be refused, for a reason that says `why`. The guest goes on.
    pub(crate) fn ask_in_vain(&mut self, request: &str, why: &str) -> Result<()> {
        let answer = self.machine.refused(&format!("{CONTROL} {request}"))?;
        ensure!(answer.contains(why), "the refusal does not say `{why}`");
        self.counts_on()
    }

    /// Saves the guest, kills its VMM and starts another, which goes on with it.
    pub(crate) fn save_kill_restore(&mut self, options: &str) -> Result<()> {
        self.ask(&format!("--pause --save {SAVED} {options}"))?;
        self.kill()?;
        self.restore(SAVED)
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        self.machine.run("kill -9 $vmm; wait $vmm; true").map(drop)
    }

    pub(crate) fn restore(&mut self, directory: &str) -> Result<()> {
        self.machine.run(&start(&format!("--restore {directory}")))?;
        self.counts_on()?;
        self.machine.run("cat $log").map(drop)
    }

    /// Waits until the VMM has ended by itself.
    pub(crate) fn ended(&mut self, why: &str) -> Result<()> {
        self.machine.run("wait $vmm")?;
        let log = self.machine.run("cat $log")?;
        ensure!(log.contains(why), "the VMM does not say `{why}`");
        Ok(())
    }
}

pub(crate) fn heading(text: &str) {
    println!("== {text}");
}

/// A save, a kill and a restore, at the newest release.
pub(crate) fn survives_a_kill(guest: &mut Guest<'_>) -> Result<()> {
    heading("saved, killed, restored in a new process");
    guest.hears("hello")?;
    guest.save_kill_restore("")?;
    guest.hears("and hello again")
}

/// What is typed while the machine is saved, killed and restored arrives, whole and once.
pub(crate) fn loses_no_input(guest: &mut Guest<'_>) -> Result<()> {
    heading("a burst of input during the save");
    // So long that the guest is in the middle of it when it is made to stand still.
    let words: Vec<String> = (0..400).map(|number| format!("{number:04}.")).collect();
    let text = words.concat();
    let (before, rest) = text.split_at(1800);
    guest.types(before)?;
    guest.ask(&format!("--pause --save {SAVED}"))?;
    let (meanwhile, after) = rest.split_at(100);
    guest.types(meanwhile)?;
    guest.kill()?;
    guest.restore(SAVED)?;
    guest.types(&format!("{after}\n"))?;
    guest.answers(&text)
}

/// A release that cannot say everything is refused, or told what is lost; the guest lives on either way.
pub(crate) fn survives_an_old_release(guest: &mut Guest<'_>, loss: &str) -> Result<()> {
    heading("saved at release 1, as an older build would read it");
    let refusal = format!("release 1 would lose {loss}");
    guest.ask_in_vain(&format!("--save {SAVED} --release 1"), &refusal)?;
    guest.save_kill_restore("--release 1 --lossy")?;
    guest.hears("hello from the past")
}

/// The guest moves to another process, and stays where it is rather than lose something on the way.
pub(crate) fn survives_a_move(guest: &mut Guest<'_>) -> Result<()> {
    heading("moved to another process");
    move_to(guest, "new", "", "")?;
    println!("   -- not to one that was built at release 1, without asking");
    wait_for_a_move(guest, "old", BUILT_AT_RELEASE_1)?;
    guest.ask_in_vain("--migrate /tmp/move", "release 1 would lose")?;
    guest.host().run("wait $there; cat /tmp/old.log").map(drop)
}

/// The same, having been asked.
pub(crate) fn survives_a_move_back_in_time(guest: &mut Guest<'_>) -> Result<()> {
    heading("moved to a process that was built at release 1");
    move_to(guest, "old", BUILT_AT_RELEASE_1, "--lossy")
}

const BUILT_AT_RELEASE_1: &str = "--as-of-release 1";

fn move_to(guest: &mut Guest<'_>, name: &str, build: &str, how: &str) -> Result<()> {
    wait_for_a_move(guest, name, build)?;
    guest.ask(&format!("--migrate /tmp/move {how}"))?;
    guest.ended("ended")?;
    guest.host().run(&format!(
        "vmm=$there; control=/tmp/{name}; log=/tmp/{name}.log; until [ -e $control ]; do usleep 10000; done"
    ))?;
    guest.counts_on()?;
    guest.hears("hello from here")?;
    guest.host().run("cat $log").map(drop)
}

fn wait_for_a_move(guest: &mut Guest<'_>, name: &str, build: &str) -> Result<()> {
    guest.host().run(&format!(
        "minimal-vmm --receive /tmp/move {build} --control /tmp/{name} <$terminal >$terminal 2>/tmp/{name}.log & there=$!"
    ))?;
    guest
        .host()
        .run("until [ -e /tmp/move ]; do usleep 10000; done")
        .map(drop)
}

/// Whatever is wrong with a snapshot, somebody is told and nothing starts.
pub(crate) fn refuses_what_is_wrong(guest: &mut Guest<'_>, foreign_code: u8) -> Result<()> {
    heading("snapshots that are not right");
    guest.ask(&format!("--save {SAVED}"))?;
    let host = guest.host();
    let damage = |file: &str, at: u64, byte: u8| {
        format!("printf '\\x{byte:02x}' | dd of=$(echo /tmp/bad/{file}) bs=1 seek={at} conv=notrunc 2>/dev/null")
    };
    for (what, how, why) in [
        ("a newer release", String::new(), "--as-of-release 1"),
        ("no snapshot", damage("machine.snapshot", 0, b'X'), ""),
        ("another architecture", damage("machine.snapshot", 7, foreign_code), ""),
        ("another format", damage("machine.snapshot", 8, 9), ""),
        ("a changed byte", damage("machine.snapshot", 99, 0xa5), ""),
        (
            "a truncated state",
            "head -c 1000 /tmp/saved/machine.snapshot >/tmp/bad/machine.snapshot".into(),
            "",
        ),
        (
            "a truncated memory",
            "for it in /tmp/bad/memory-*; do head -c 1000000 $it >/tmp/it; mv /tmp/it $it; done".into(),
            "",
        ),
        ("a changed memory", damage("memory-*", 1_000_000, 0xa5), ""),
        ("a missing memory", "rm /tmp/bad/memory-*".into(), ""),
    ] {
        println!("   -- {what}");
        host.run(&format!("rm -rf /tmp/bad; cp -r {SAVED} /tmp/bad; {how}"))?;
        let answer = host.refused(&format!("minimal-vmm --restore /tmp/bad {why} </dev/null 2>&1"))?;
        ensure!(answer.starts_with("minimal-vmm: cannot "), "{what} is not told");
    }
    host.run("rm -rf /tmp/bad").map(drop)?;
    guest.counts_on()
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
