//! The terminal of a guest's UART.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use embedded_io::{ErrorType, Write, WriteReady};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
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

    /// Returns (lines, columns) of the window at standard output, or `None` if standard output is no terminal or does not know
    /// its size. A serial line cannot carry the size: pass it as `LINES=… COLUMNS=…` on the kernel's command line.
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

/// The output of a UART: accepts a byte or reports that it is busy. It never fails and, at a terminal, never waits.
#[derive(Debug)]
pub struct Screen {
    out: OwnedFd,
    stalled: bool,
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

    /// Writes to a file, a pipe or a terminal. `out` should be non-blocking; otherwise writes may wait for its reader.
    #[must_use]
    pub fn new(out: OwnedFd) -> Self {
        // What the guest wrote in another process may wait for it still.
        Self { out, stalled: true }
    }

    /// Returns `true` if the last byte was not taken, and for a new `Screen`: the UART may have output from before a restore.
    /// Then let the UART try again soon.
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
        let mut fds = [PollFd::new(&self.out, PollFlags::OUT)];
        let ready = poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0);
        self.stalled = !ready;
        Ok(ready)
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, io::Error> {
        match rustix::io::write(&self.out, bytes) {
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

/// Another opening of a terminal, at which nothing waits.
pub(crate) fn reopened(file: BorrowedFd<'_>) -> Option<OwnedFd> {
    let path = isatty(file).then(|| format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let how = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(path, how, Mode::empty()).ok()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_screen_that_takes_nothing_is_an_error_for_whoever_writes_all() {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        assert!(embedded_io::Write::write_all(&mut Screen::new(full.into()), b"a").is_err());
    }
}
