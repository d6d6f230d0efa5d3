//! The terminal of a guest's UART.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use embedded_io::{ErrorType, Write, WriteReady};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_getfl, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

use crate::error::HostError;

/// The most that is read at once.
const AT_ONCE: usize = 64 << 10;

/// Standard input as the keyboard of a serial terminal. Dropping it restores the terminal's mode.
///
/// `as_fd` becomes readable when there is something to read.
#[derive(Debug)]
pub struct Terminal {
    input: OwnedFd,
    /// The mode before, of a terminal.
    before: Option<Termios>,
    raw: bool,
}

impl Terminal {
    /// Opens standard input, which may be a terminal, a pipe or a file.
    ///
    /// # Errors
    ///
    /// Returns [`HostError`] if standard input is closed, or if the process has no descriptors left.
    pub fn open() -> Result<Self, HostError> {
        let input = without_waiting(stdin()).map_err(HostError::when("share standard input"))?;
        let before = isatty(&input).then(|| tcgetattr(stdin())).transpose();
        Ok(Self {
            input,
            before: before.map_err(HostError::when("ask the terminal"))?,
            raw: false,
        })
    }

    /// Passes every key to the guest, until this is dropped. Does nothing if standard input is no terminal.
    ///
    /// # Errors
    ///
    /// Returns [`HostError`] if the terminal's mode cannot be set. The terminal stays in line mode.
    pub fn enter_raw_mode(&mut self) -> Result<(), HostError> {
        if let Some(before) = &self.before {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(stdin(), OptionalActions::Now, &raw).map_err(HostError::when("set the terminal to raw mode"))?;
            self.raw = true;
        }
        Ok(())
    }

    /// Returns `true` if standard input is a terminal. Then a person may want to quit: read the input even if the guest does
    /// not take it.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.before.is_some()
    }

    /// Reads up to `room` bytes of what was typed. Returns an empty vector if nothing was typed or `room` is 0, and `None` at
    /// the end of the input or if the terminal hung up. Waits only for a pipe or a file.
    #[must_use]
    pub fn read(&self, room: usize) -> Option<Vec<u8>> {
        if room == 0 {
            return Some(Vec::new());
        }
        // Somebody else may have read what was there.
        if self.before.is_some() && !is_ready(&self.input, PollFlags::IN) {
            return Some(Vec::new());
        }
        let mut bytes = vec![0; room.min(AT_ONCE)];
        match rustix::io::read(&self.input, &mut bytes[..]) {
            Err(Errno::INTR | Errno::AGAIN) => Some(Vec::new()),
            Ok(0) | Err(_) => None,
            Ok(len) => {
                bytes.truncate(len);
                Some(bytes)
            }
        }
    }

    /// Returns (lines, columns) of the window at standard output. `None` if standard output is not a terminal or has no
    /// size. A serial line cannot transfer the size: pass it as `LINES=… COLUMNS=…` on the kernel's command line.
    #[must_use]
    pub fn window() -> Option<(u16, u16)> {
        let size = tcgetwinsize(stdout()).ok()?;
        (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = self.before.as_ref().filter(|_| self.raw) {
            // Nothing is left to be done about a terminal that went away.
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

/// The output of a UART. It accepts a byte or reports that it is busy. It never fails. If it is a terminal, it never
/// waits.
#[derive(Debug)]
pub struct Screen {
    out: OwnedFd,
    stalled: bool,
    /// A write waits until everything is taken, although this is a terminal.
    waits: bool,
}

impl Screen {
    /// Opens standard output.
    ///
    /// # Errors
    ///
    /// Returns [`HostError`] if standard output is closed, or if the process has no descriptors left.
    pub fn stdout() -> Result<Self, HostError> {
        without_waiting(stdout())
            .map(Self::new)
            .map_err(HostError::when("share standard output"))
    }

    /// Writes to a file, a pipe or a terminal. A write to a pipe may wait for its reader if `out` is not non-blocking.
    #[must_use]
    pub fn new(out: OwnedFd) -> Self {
        // What the guest wrote in another process may wait for it still.
        let waits = is_terminal_that_waits(&out);
        Self {
            out,
            stalled: true,
            waits,
        }
    }

    /// Returns `true` if the last byte was not taken. A new `Screen` returns `true` as well, because a restored UART may have
    /// output that waits. Let the UART try again soon.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Forgets that a byte was not taken. Call it before the UART tries again: there may be nothing left to send.
    pub fn forget_stall(&mut self) {
        self.stalled = false;
    }
}

impl ErrorType for Screen {
    type Error = io::Error;
}

// Whatever keeps the output from taking a byte, a full disk or the signal that stops the processor, it is asked again.
impl WriteReady for Screen {
    fn write_ready(&mut self) -> Result<bool, io::Error> {
        let ready = is_ready(&self.out, PollFlags::OUT);
        self.stalled = !ready;
        Ok(ready)
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, io::Error> {
        // Such a terminal has room for one byte at least when it is ready.
        let at_once = if self.waits { 1 } else { bytes.len() };
        if self.waits && !self.write_ready()? {
            return Ok(0);
        }
        match rustix::io::write(&self.out, bytes.get(..at_once).unwrap_or_default()) {
            Ok(taken) => Ok(taken),
            // Nobody reads any more: the plug has been pulled, and a UART sends on.
            Err(Errno::PIPE | Errno::IO) => Ok(bytes.len()),
            Err(_) => {
                self.stalled = true;
                Ok(0)
            }
        }
    }

    fn flush(&mut self) -> Result<(), io::Error> {
        Ok(())
    }

    /// The provided method panics where [`write`](Self::write) takes nothing.
    fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), io::Error> {
        while !bytes.is_empty() {
            match self.write(bytes)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                taken => bytes = bytes.get(taken..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}

/// The same file. Of a terminal it is another opening, at which nothing waits: somebody else may have read or written what
/// was there, or the room that there was, and the machine must not stand still for it. Others that have the terminal
/// open go on waiting at theirs.
fn without_waiting(file: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    reopened(file).map_or_else(|| fcntl_dupfd_cloexec(file, 0), Ok)
}

fn is_ready(file: &OwnedFd, wanted: PollFlags) -> bool {
    let mut fds = [PollFd::new(file, wanted)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// Returns `true` for a terminal at which a write waits until everything is taken: one that could not be reopened, because it
/// is another user's. So it is after `su`, for example.
pub(crate) fn is_terminal_that_waits(file: impl AsFd) -> bool {
    isatty(&file) && fcntl_getfl(&file).is_ok_and(|flags| !flags.contains(OFlags::NONBLOCK))
}

/// Another opening of a terminal, at which nothing waits.
pub(crate) fn reopened(file: BorrowedFd<'_>) -> Option<OwnedFd> {
    let path = isatty(file).then(|| format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let how = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(path, how, Mode::empty()).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn a_read_without_room_is_not_the_end_of_the_input() -> io::Result<()> {
        let (reader, mut writer) = io::pipe()?;
        let terminal = Terminal {
            input: reader.into(),
            before: None,
            raw: false,
        };
        io::Write::write_all(&mut writer, b"a")?;
        assert_eq!(terminal.read(0), Some(Vec::new()));
        assert_eq!(terminal.read(usize::MAX), Some(b"a".to_vec()));
        io::Write::write_all(&mut writer, b"a")?;
        assert_eq!(terminal.read(8), Some(b"a".to_vec()));
        drop(writer);
        assert_eq!(terminal.read(0), Some(Vec::new()));
        assert_eq!(terminal.read(8), None);
        Ok(())
    }

    #[test]
    fn an_output_that_takes_nothing_is_asked_again() -> io::Result<()> {
        let full = std::fs::File::options().write(true).open("/dev/full")?;
        let mut full = Screen::new(full.into());
        assert!(full.write_ready()?);
        assert_eq!(full.write(b"a")?, 0);
        assert!(full.is_stalled());
        let (reader, writer) = io::pipe()?;
        let mut screen = Screen::new(writer.into());
        assert!(screen.write_ready()? && screen.write(b"a")? == 1 && !screen.is_stalled());
        drop(reader);
        assert_eq!(screen.write(b"a")?, 1, "the plug has been pulled");
        Ok(())
    }

    /// Both ends of a terminal, of which the second one waits.
    pub(crate) fn terminal() -> io::Result<(OwnedFd, OwnedFd)> {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let name = ptsname(&keyboard, Vec::new())?;
        let screen = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        Ok((keyboard, screen))
    }

    /// As after `su`: the terminal is another user's, so it cannot be opened again.
    #[test]
    fn a_terminal_that_cannot_be_reopened_is_not_waited_for() -> io::Result<()> {
        let (keyboard, screen) = terminal()?;
        let (said, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || -> io::Result<()> {
            let input = Terminal {
                before: Some(tcgetattr(&screen)?),
                input: screen.try_clone()?,
                raw: false,
            };
            let read = input.read(8);
            // Nobody reads what is on the screen.
            let mut screen = Screen::new(screen);
            while screen.write(&[b'\n'; 5000])? > 0 {}
            let _ = said.send((read, screen.is_stalled()));
            Ok(())
        });
        let done = heard.recv_timeout(std::time::Duration::from_secs(5));
        drop(keyboard);
        assert_eq!(done, Ok((Some(Vec::new()), true)), "it waits");
        Ok(())
    }

    /// Not a test of its own: the next one starts it at a terminal.
    #[test]
    fn is_at_a_terminal() -> Result<(), Box<dyn std::error::Error>> {
        if std::env::var_os(AT_A_TERMINAL).is_none() {
            return Ok(());
        }
        let mut terminal = Terminal::open()?;
        assert!(terminal.is_interactive());
        let seen = |what| io::Write::write_all(&mut io::stderr(), what);
        let wait = || io::Read::read_exact(&mut io::stdin(), &mut [0]);
        terminal.enter_raw_mode()?;
        seen(b"r")?;
        wait()?;
        drop(terminal);
        seen(b"d")?;
        Ok(())
    }

    const AT_A_TERMINAL: &str = "DEVSTATE_HOST_TEST_IS_AT_A_TERMINAL";

    #[test]
    fn the_terminal_has_its_mode_again_afterwards() -> Result<(), Box<dyn std::error::Error>> {
        use std::process::{Command, Stdio};
        let (keyboard, screen) = terminal()?;
        let before = tcgetattr(&screen)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", "console::tests::is_at_a_terminal", "--nocapture"])
            .env(AT_A_TERMINAL, "")
            .stdin(screen.try_clone()?)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut seen = child.stderr.take().ok_or("no pipe")?;
        let mut next = || io::Read::read_exact(&mut seen, &mut [0]);
        next()?;
        let raw = tcgetattr(&screen)?;
        rustix::io::write(&keyboard, b"x")?;
        next()?;
        let after = tcgetattr(&screen)?;
        child.wait()?;
        assert_ne!(raw.local_modes, before.local_modes, "it is not raw");
        let modes = |mode: &Termios| {
            (
                mode.input_modes,
                mode.output_modes,
                mode.control_modes,
                mode.local_modes,
            )
        };
        assert_eq!(modes(&after), modes(&before));
        Ok(())
    }

    #[test]
    fn a_screen_that_takes_nothing_is_an_error_for_whoever_writes_all() {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        assert!(embedded_io::Write::write_all(&mut Screen::new(full.into()), b"a").is_err());
    }
}
