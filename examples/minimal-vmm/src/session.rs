//! A machine with its terminal, its control socket and its timer: one loop that waits for all of them.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use devstate_host::keyboard::{self, KeyEvent, Progress, Typing};
use devstate_host::{Signals, Terminal};
use devstate_socket::Listener;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::arch::Release;
use crate::control::{self, Answer, Requests, Target};
use crate::devices::STALL_LIMIT;
use crate::directory;
use crate::escapes::EscapeFilter;
use crate::machine::Machine;
use crate::migration::{self, Agreed};
use crate::say::{MESSAGES, say};
use crate::snapshot::{self, timed};
use crate::vcpu::Stop;

/// How long a terminal is not listened to while the guest has not taken what was typed.
const TYPE_AHEAD_RETRY: Duration = Duration::from_millis(20);
/// After so long without room for what is typed the guest is deaf: then Ctrl-A must be heard, and the rest is lost.
const DEAF_AFTER: Duration = Duration::from_secs(3);
/// How often something that the loop cannot wait for is looked at.
const GLANCE: Duration = Duration::from_millis(1);

/// What a machine runs in. All of it is there before the machine is.
#[derive(Debug)]
pub struct Surroundings {
    pub signals: Signals,
    pub control: Option<Listener>,
    /// Puts the terminal back when it goes.
    pub terminal: Terminal,
    /// Where Ctrl-A s saves.
    pub saves_to: PathBuf,
    /// The newest release that this VMM knows.
    pub newest: Release,
}

#[derive(Debug)]
pub struct Session {
    machine: Machine,
    surroundings: Surroundings,
    escapes: EscapeFilter,
    input_ended: bool,
    /// Since when there has been no room for what is typed.
    full_since: Option<Instant>,
    /// A request that takes its time is being carried out.
    occupied: bool,
    /// What was asked for on the console meanwhile.
    later: Vec<Requests>,
    /// Whether it has been said that the console's output is lost.
    losing_output: bool,
    /// Why the guest has stopped for good.
    end: Option<Stop>,
}

impl Session {
    /// Nothing can go wrong here: the machine may be nowhere else any more.
    pub fn new(machine: Machine, surroundings: Surroundings) -> Self {
        Self {
            escapes: EscapeFilter::new(surroundings.saves_to.clone()),
            machine,
            surroundings,
            input_ended: false,
            full_since: None,
            occupied: false,
            later: Vec::new(),
            losing_output: false,
            end: None,
        }
    }

    /// Runs the machine until its guest stops for good or somebody ends the VMM; says why.
    pub fn run(mut self) -> Result<Stop> {
        if let Err(error) = self.surroundings.terminal.enter_raw_mode() {
            say(format!("{error:#}"));
        }
        self.machine.resume()?;
        loop {
            match self.end.take() {
                Some(Stop::Failed(why)) => bail!(why),
                Some(stop) => return Ok(stop),
                None => {}
            }
            if let Some(requests) = self.later.pop() {
                self.carry_out_for_the_console(&requests);
                continue;
            }
            if self.turn(None)?
                && let Err(error) = self.serve_control()
            {
                say(format!("{error:#}"));
            }
        }
    }

    /// Waits for the next thing that happens, `limit` at most, and serves the machine, its terminal and its timer. Returns
    /// `true` if somebody calls at the control socket.
    fn turn(&mut self, limit: Option<Duration>) -> Result<bool> {
        let [stopped, timer, signal, called, typed] = self.wait(limit)?;
        if stopped {
            // By itself, for nobody pauses it while the loop waits.
            self.end = Some(self.machine.pause());
        }
        if timer {
            self.machine.devices().advance();
        }
        if signal && let Some(signal) = self.surroundings.signals.take() {
            self.end = Some(Stop::Signalled(signal));
        }
        if typed {
            self.read_terminal();
        }
        self.report_lost_output();
        Ok(called)
    }

    /// Which there is of: a guest that has stopped, a device's time, a signal, a caller, something typed.
    fn wait(&mut self, limit: Option<Duration>) -> Result<[bool; 5]> {
        // A guest that stands still hears nothing: what is typed meanwhile waits in the terminal.
        let hearing = !self.input_ended && self.machine.is_running();
        let full = hearing && self.machine.devices().console_room() == 0;
        self.full_since = full.then(|| self.full_since.unwrap_or_else(Instant::now));
        let listening = hearing && (!full || self.is_deaf());
        let retry = (full && !listening).then_some(TYPE_AHEAD_RETRY);
        let limit = limit.into_iter().chain(retry).min();
        let limit = limit.map(|limit| Timespec::try_from(limit).unwrap_or_default());

        let Surroundings {
            signals,
            control,
            terminal,
            ..
        } = &self.surroundings;
        let timer = self.machine.timer().as_fd();
        let stdin = listening.then_some(terminal.as_fd());
        let control = control.as_ref().map(|control| control.as_fd());
        let stopped = Some(self.machine.stopped().as_fd());
        let mut fds = [stopped, Some(timer), Some(signals.as_fd()), control, stdin].map(|fd| match fd {
            Some(fd) => PollFd::from_borrowed_fd(fd, PollFlags::IN),
            // Nothing is asked of it.
            None => PollFd::from_borrowed_fd(timer, PollFlags::empty()),
        });
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(fds.map(|fd| !fd.revents().is_empty())),
            Err(error) => Err(error).context("cannot wait"),
        }
    }

    /// A person at a terminal can always leave; a pipe's input can wait for ever.
    fn is_deaf(&self) -> bool {
        let deaf = |since: Instant| since.elapsed() > DEAF_AFTER;
        self.surroundings.terminal.is_interactive() && self.full_since.is_some_and(deaf)
    }

    fn read_terminal(&mut self) {
        let room = self.machine.devices().console_room();
        // At least one byte: it is also read when the guest is deaf.
        let Some(typed) = self.surroundings.terminal.read(room.max(1)) else {
            self.input_ended = true;
            return;
        };
        let (bytes, requests) = self.escapes.filter(&typed);
        if self.machine.devices().type_on_console(&bytes) > 0 {
            MESSAGES.beep();
        }
        if requests == Requests::default() {
            return;
        }
        if self.occupied && !requests.quit {
            self.later.insert(0, requests);
        } else {
            self.carry_out_for_the_console(&requests);
        }
    }

    fn report_lost_output(&mut self) {
        match self.machine.devices().take_discarded() {
            0 => self.losing_output = false,
            _ if self.losing_output => {}
            _ => {
                self.losing_output = true;
                let limit = STALL_LIMIT.as_secs();
                say(format!(
                    "the console has taken nothing for {limit} s: the guest's output is lost until it takes some"
                ));
            }
        }
    }

    fn serve_control(&mut self) -> Result<()> {
        let Some(control) = &self.surroundings.control else {
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

    fn carry_out_for_the_console(&mut self, requests: &Requests) {
        let Answer { done, failed } = self.carry_out(requests);
        for text in done.iter().chain(&failed) {
            say(text);
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
        let mut keys = Vec::new();
        for key in &requests.key {
            keys.extend(keyboard::named(key)?);
        }
        if let Some(text) = &requests.text {
            keys.extend(keyboard::text(text)?);
        }
        if !keys.is_empty() {
            self.press(keys)?;
        }
        if let Some(path) = &requests.save {
            let target = target.or(self.surroundings.newest.number());
            let (saved, report) = self.standing_still(|session| directory::save(&session.machine, path, target))?;
            done.push(report);
            if let Err(error) = saved.tidy() {
                done.push(format!("what an earlier save left is still there: {error}"));
            }
        }
        if let Some(socket) = &requests.migrate {
            let agreed = self.call(socket, target)?;
            done.push(self.standing_still(|session| session.give_away(agreed, target))?);
        }
        if requests.resume {
            self.machine.resume()?;
            done.push("running".into());
        }
        if requests.quit {
            self.end_for_the_caller();
            done.push("ending".into());
        }
        Ok(())
    }

    /// Agrees with a VMM that waits for a machine. The guest runs meanwhile, with its terminal.
    fn call(&mut self, socket: &Path, target: Target) -> Result<Agreed> {
        let mut call = migration::call(socket, self.surroundings.newest, target.release)?;
        self.meanwhile(|_| Ok(call.poll()?))
    }

    fn give_away(&mut self, agreed: Agreed, target: Target) -> Result<String> {
        let release = agreed.release();
        let (state, snapshot, mut times) = snapshot::capture(&self.machine, target.or(release.number()))?;
        let (memory, signals) = (self.machine.memory(), self.surroundings.signals.as_fd());
        timed(&mut times.memory, || {
            migration::send(agreed, &snapshot.bytes, state.memory_id, memory, signals)
        })?;
        // From here on the guest runs there and nowhere else.
        self.machine.give_away();
        self.end_for_the_caller();
        Ok(times.report("sent", release, &snapshot.losses))
    }

    /// Ends the VMM after the answer. Whoever has the answer can start another VMM with the same control socket.
    fn end_for_the_caller(&mut self) {
        self.end = Some(Stop::Ended);
        self.surroundings.control = None;
    }

    /// Presses keys at the pace at which the guest reads them. If it does not read them all, those that were pressed for this
    /// request are released.
    fn press(&mut self, events: Vec<KeyEvent>) -> Result<()> {
        let mut typing = Typing::new(events);
        let pressed = self.meanwhile(|session| {
            let progress = typing.poll(|event| session.machine.devices().platform_mut().key(event))?;
            Ok((progress == Progress::Done).then_some(()))
        });
        if pressed.is_err() {
            let mut devices = self.machine.devices();
            typing.release(|event| devices.platform_mut().key_at_once(event));
        }
        pressed
    }

    /// Does something that takes several looks. The guest runs meanwhile, if it ran before, with its terminal.
    fn meanwhile<T>(&mut self, mut look: impl FnMut(&mut Self) -> Result<Option<T>>) -> Result<T> {
        let occupied = std::mem::replace(&mut self.occupied, true);
        let done = loop {
            if let Some(done) = look(self).transpose() {
                break done;
            }
            match self.turn(Some(GLANCE)) {
                Err(error) => break Err(error),
                Ok(_) if self.end.is_some() => break Err(anyhow!("the guest has stopped")),
                Ok(_) => {}
            }
        };
        self.occupied = occupied;
        done
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
