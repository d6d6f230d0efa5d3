//! A machine with its terminal, its control socket and its timer: one loop that waits for all of them.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::arch::Release;
use crate::console::{EscapeFilter, Terminal};
use crate::control::{self, Answer, Requests};
use crate::keyboard::{self, KeyEvent};
use crate::machine::Machine;
use crate::socket::Listener;
use crate::vcpu::Stop;
use crate::{directory, migration};

/// How long a terminal is not listened to while the guest has not taken what was typed.
const TYPE_AHEAD_RETRY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};
/// After so long without room for what is typed the guest is deaf: then Ctrl-A must be heard, and the rest is lost.
const DEAF_AFTER: Duration = Duration::from_secs(3);
/// How long the guest may take to read the keys of one request.
const KEY_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Session {
    machine: Machine,
    /// Puts the terminal back when it goes.
    terminal: Terminal,
    control: Option<Listener>,
    timer: OwnedFd,
    escapes: EscapeFilter,
    /// The newest release that this VMM knows.
    newest: Release,
    input_ended: bool,
    /// Since when there has been no room for what is typed.
    full_since: Option<Instant>,
    /// Why the guest has stopped for good.
    end: Option<Stop>,
}

impl Session {
    /// Ctrl-A s saves to `snapshot`.
    pub fn new(machine: Machine, control: Option<Listener>, snapshot: PathBuf, newest: Release) -> Result<Self> {
        let timer = machine.devices().timer()?;
        Ok(Self {
            timer,
            machine,
            terminal: Terminal::open()?,
            control,
            escapes: EscapeFilter::new(snapshot),
            newest,
            input_ended: false,
            full_since: None,
            end: None,
        })
    }

    /// Runs the machine until its guest stops for good or somebody ends the VMM; says why.
    pub fn run(mut self) -> Result<Stop> {
        self.machine.resume()?;
        loop {
            match self.end.take() {
                Some(Stop::Failed(why)) => bail!(why),
                Some(stop) => return Ok(stop),
                None => {}
            }
            let [stopped, timer, typed, called] = self.wait()?;
            if stopped {
                // By itself, for nobody pauses it while the loop waits.
                self.end = Some(self.machine.pause());
            }
            if timer {
                self.machine.devices().advance();
            }
            if typed {
                self.read_terminal();
            }
            if called && let Err(error) = self.serve_control() {
                eprintln!("minimal-vmm: {error:#}\r");
            }
        }
    }

    /// Which there is of: a guest that has stopped, a device's time, something typed, a caller.
    fn wait(&mut self) -> Result<[bool; 4]> {
        // A guest that stands still hears nothing: what is typed meanwhile waits in the terminal.
        let hearing = !self.input_ended && self.machine.is_running();
        let full = hearing && self.machine.devices().console_room() == 0;
        self.full_since = full.then(|| self.full_since.unwrap_or_else(Instant::now));
        let listening = hearing && (!full || self.is_deaf());

        let (timer, stdin) = (self.timer.as_fd(), listening.then_some(self.terminal.as_fd()));
        let control = self.control.as_ref().map(|control| control.as_fd());
        let mut fds = [Some(self.machine.stopped().as_fd()), Some(timer), stdin, control].map(|fd| match fd {
            Some(fd) => PollFd::from_borrowed_fd(fd, PollFlags::IN),
            // Nothing is asked of it.
            None => PollFd::from_borrowed_fd(timer, PollFlags::empty()),
        });
        match poll(&mut fds, (full && !listening).then_some(&TYPE_AHEAD_RETRY)) {
            Ok(_) | Err(Errno::INTR) => Ok(fds.map(|fd| !fd.revents().is_empty())),
            Err(error) => Err(error).context("cannot wait"),
        }
    }

    /// A person at a terminal can always leave; a pipe's input can wait for ever.
    fn is_deaf(&self) -> bool {
        let deaf = |since: Instant| since.elapsed() > DEAF_AFTER;
        self.terminal.is_interactive() && self.full_since.is_some_and(deaf)
    }

    fn read_terminal(&mut self) {
        let room = self.machine.devices().console_room();
        // Never 0 bytes, which would look like the end: it is also read when the guest is deaf.
        let Some(typed) = self.terminal.read(room.max(1)) else {
            self.input_ended = true;
            return;
        };
        let (bytes, requests) = self.escapes.filter(&typed);
        if self.machine.devices().type_on_console(&bytes) > 0 {
            eprint!("\x07");
        }
        let Answer { done, failed } = self.carry_out(&requests);
        for text in done.iter().chain(&failed) {
            eprintln!("\r\nminimal-vmm: {text}\r");
        }
    }

    fn serve_control(&mut self) -> Result<()> {
        let Some(control) = &self.control else {
            return Ok(());
        };
        match control.accept() {
            Ok((caller, _)) => control::serve(caller, |requests| self.carry_out(requests)),
            Err(error) => {
                // The caller waits still, perhaps for a file descriptor to become free.
                sleep(Duration::from_millis(10));
                Err(error).context("cannot take a call")
            }
        }
    }

    fn carry_out(&mut self, requests: &Requests) -> Answer {
        let mut done = Vec::new();
        let failed = self.try_to(requests, &mut done).err();
        let failed = failed.map(|error| format!("{error:#}"));
        Answer { done, failed }
    }

    fn try_to(&mut self, requests: &Requests, done: &mut Vec<String>) -> Result<()> {
        let target = requests.target;
        if requests.pause {
            self.stand_still()?;
            done.push("paused".into());
        }
        for key in &requests.key {
            self.press(keyboard::named(key)?)?;
        }
        if let Some(text) = &requests.text {
            self.press(keyboard::text(text)?)?;
        }
        if let Some(path) = &requests.save {
            let target = target.or(self.newest.number());
            let saved = self.standing_still(|session| directory::save(&session.machine, path, target))?;
            done.push(saved.report.clone());
            saved.tidy()?;
        }
        if let Some(socket) = &requests.migrate {
            done.push(self.standing_still(|session| {
                let report = migration::send(&session.machine, socket, target, session.newest)?;
                // From here on the guest runs there and nowhere else.
                session.machine.give_away();
                session.end = Some(Stop::Ended);
                Ok(report)
            })?);
        }
        if requests.resume {
            self.machine.resume()?;
            done.push("running".into());
        }
        if requests.quit {
            self.end = Some(Stop::Ended);
            done.push("ending".into());
        }
        Ok(())
    }

    /// Presses keys at the pace at which the guest reads them.
    fn press(&self, events: Vec<KeyEvent>) -> Result<()> {
        let start = Instant::now();
        for event in events {
            while !self.machine.devices().platform_mut().key(event)? {
                ensure!(
                    start.elapsed() < KEY_PATIENCE && !self.machine.has_stopped(),
                    "the guest does not read its keyboard"
                );
                sleep(Duration::from_millis(1));
                self.machine.devices().advance();
            }
        }
        Ok(())
    }

    /// Does something with a guest that stands still, and lets it go on if it ran before and is still here.
    fn standing_still<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let running = self.machine.is_running();
        self.stand_still()?;
        let done = work(self);
        if running && self.end.is_none() {
            self.machine.resume()?;
        }
        done
    }

    fn stand_still(&mut self) -> Result<()> {
        let stop = self.machine.pause();
        if stop != Stop::Paused {
            self.end.get_or_insert(stop);
            bail!("the guest has stopped");
        }
        Ok(())
    }
}
