//! A machine with its terminal, its control socket and its timer: one loop that waits for all of them.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use devstate_versioning::ReleaseTable;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::arch::Release;
use crate::console::{Escape, EscapeFilter, Terminal};
use crate::control::{Answer, Control, Request, Target};
use crate::keyboard::{self, KeyEvent};
use crate::machine::Machine;
use crate::vcpu::Stop;
use crate::{migration, snapshot};

/// How long a terminal is not listened to while the guest has not taken what was typed.
const TYPE_AHEAD_RETRY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// How long the guest may take to read a key.
const KEY_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Session {
    machine: Machine,
    /// Puts the terminal back when it goes.
    _terminal: Terminal,
    control: Option<Control>,
    stopped: Arc<OwnedFd>,
    timer: OwnedFd,
    escapes: EscapeFilter,
    /// Where Ctrl-A s saves.
    snapshot: PathBuf,
    /// The newest release that this VMM knows.
    newest: Release,
    input_ended: bool,
    /// Why the guest has stopped for good.
    stop: Option<Stop>,
    quit: bool,
}

impl Session {
    pub fn new(machine: Machine, control: Option<Control>, snapshot: PathBuf, newest: Release) -> Result<Self> {
        let timer = machine.devices().timer()?;
        Ok(Self {
            stopped: machine.stopped(),
            timer,
            machine,
            _terminal: Terminal::open()?,
            control,
            escapes: EscapeFilter::default(),
            snapshot,
            newest,
            input_ended: false,
            stop: None,
            quit: false,
        })
    }

    /// Runs the machine until its guest stops for good or somebody ends the VMM; says why.
    pub fn run(mut self) -> Result<String> {
        self.machine.resume()?;
        while !self.quit {
            let ready = self.wait()?;
            if ready.guest_stopped
                && let Some(stop) = self.machine.pause()?
            {
                self.stop = Some(stop);
            }
            if let Some(stop) = self.stop {
                return match stop {
                    Stop::Off => Ok("the guest switched off".into()),
                    Stop::Reset => Ok("the guest reset the machine".into()),
                    Stop::Failed(why) => bail!(why),
                    Stop::Paused => bail!("the guest was paused for good"),
                };
            }
            if ready.timer {
                self.machine.devices().advance();
            }
            if ready.typed {
                self.read_terminal()?;
            }
            if ready.called {
                self.serve_control()?;
            }
        }
        Ok("ended".into())
    }

    fn wait(&self) -> Result<Ready> {
        let stdin = rustix::stdio::stdin();
        // A guest that stands still hears nothing: what is typed meanwhile waits in the terminal.
        let room = self.machine.devices().console_room();
        let listening = !self.input_ended && room > 0 && self.machine.is_running();
        let mut fds = vec![
            PollFd::new(&*self.stopped, PollFlags::IN),
            PollFd::new(&self.timer, PollFlags::IN),
        ];
        let mut watch = |fd| {
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
            fds.len() - 1
        };
        let called = self.control.as_ref().map(|control| watch(control.listener().as_fd()));
        let typed = listening.then(|| watch(stdin.as_fd()));
        let timeout = (!listening && !self.input_ended).then_some(&TYPE_AHEAD_RETRY);
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait"),
        }
        let ready = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
        Ok(Ready {
            guest_stopped: ready(0),
            timer: ready(1),
            typed: typed.is_some_and(ready),
            called: called.is_some_and(ready),
        })
    }

    fn read_terminal(&mut self) -> Result<()> {
        let room = self.machine.devices().console_room();
        let Some(typed) = Terminal::read(room)? else {
            self.input_ended = true;
            return Ok(());
        };
        let (bytes, escapes) = self.escapes.filter(&typed);
        self.machine.devices().type_on_console(&bytes);
        for escape in escapes {
            let request = match escape {
                Escape::Quit => Request::Quit,
                Escape::Save => Request::Save(self.snapshot.clone(), Target::default()),
                Escape::CtrlAltDel => Request::CtrlAltDel,
            };
            match self.carry_out(request) {
                Ok(text) if text.is_empty() => {}
                Ok(text) => eprintln!("\r\nminimal-vmm: {text}\r"),
                Err(error) => eprintln!("\r\nminimal-vmm: {error}\r"),
            }
        }
        Ok(())
    }

    fn serve_control(&mut self) -> Result<()> {
        let Some(control) = self.control.take() else {
            return Ok(());
        };
        let served = control.serve(|request| self.carry_out(request));
        self.control = Some(control);
        served
    }

    fn carry_out(&mut self, request: Request) -> Answer {
        self.try_to(request).map_err(|error| format!("{error:#}"))
    }

    fn try_to(&mut self, request: Request) -> Result<String> {
        match request {
            Request::Pause => self.stand_still().map(|()| "paused".into()),
            Request::Resume => self.machine.resume().map(|()| "running".into()),
            Request::Quit => {
                self.quit = true;
                Ok("ending".into())
            }
            Request::Keys(names) => {
                let keys = names.iter().map(|name| keyboard::named(name));
                self.press(keys.collect::<Result<Vec<_>>>()?.concat())
            }
            Request::Type(text) => self.press(keyboard::text(&text)?),
            Request::CtrlAltDel => self.press(keyboard::chord(&keyboard::CTRL_ALT_DEL)),
            Request::Save(directory, target) => self.standing_still(|session| {
                let report = snapshot::save(&session.machine, &directory, target.or(session.newest.number()))?;
                Ok(report.to_string())
            }),
            Request::Migrate(socket, target) => self.standing_still(|session| {
                let report = migration::send(&session.machine, &socket, target, session.newest)?;
                // From here on the guest runs there and nowhere else.
                session.quit = true;
                Ok(report)
            }),
        }
    }

    /// Presses keys at the pace at which the guest reads them.
    fn press(&self, events: Vec<KeyEvent>) -> Result<String> {
        for event in events {
            let start = Instant::now();
            while !self.machine.devices().platform_mut().key(event)? {
                ensure!(start.elapsed() < KEY_PATIENCE, "the guest does not read its keyboard");
                sleep(Duration::from_millis(1));
            }
        }
        Ok(String::new())
    }

    /// Does something with a guest that stands still, and lets it go on if it ran before.
    fn standing_still(&mut self, work: impl FnOnce(&mut Self) -> Result<String>) -> Result<String> {
        let running = self.machine.is_running();
        self.stand_still()?;
        let done = work(self);
        if running && !self.quit {
            self.machine.resume()?;
        }
        done
    }

    fn stand_still(&mut self) -> Result<()> {
        if let Some(stop) = self.machine.pause()? {
            self.stop = Some(stop);
            bail!("the guest has stopped");
        }
        Ok(())
    }
}

/// What the loop woke up for.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each thing that is waited for")]
struct Ready {
    guest_stopped: bool,
    timer: bool,
    typed: bool,
    called: bool,
}
