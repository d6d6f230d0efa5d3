//! The terminal that a guest's UART is wired to.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use embedded_io::{ErrorType, Write, WriteReady};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

use crate::error::HostError;

/// Standard input as the keyboard of a serial terminal. When this is dropped, the terminal is as it was.
///
/// `as_fd` becomes readable when there is something to read.
#[derive(Debug)]
pub struct Terminal {
    input: OwnedFd,
    /// Of a terminal: how it was.
    before: Option<Termios>,
    raw: bool,
}

impl Terminal {
    /// Opens standard input, which may be a terminal, a pipe or a file.
    ///
    /// # Errors
    ///
    /// [`HostError`] if standard input is closed, or if the process has no descriptors left.
    pub fn open() -> Result<Self, HostError> {
        let input = without_waiting(stdin()).map_err(HostError::when("share standard input"))?;
        let before = isatty(&input).then(|| tcgetattr(stdin())).transpose();
        Ok(Self {
            input,
            before: before.map_err(HostError::when("ask the terminal"))?,
            raw: false,
        })
    }

    /// Passes every key to the guest from here on, until this is dropped. Does nothing if standard input is no terminal.
    ///
    /// # Errors
    ///
    /// [`HostError`]. The terminal still types lines.
    pub fn enter_raw_mode(&mut self) -> Result<(), HostError> {
        if let Some(before) = &self.before {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(stdin(), OptionalActions::Now, &raw).map_err(HostError::when("set the terminal to raw mode"))?;
            self.raw = true;
        }
        Ok(())
    }

    /// Returns `true` if standard input is a terminal. Somebody may type there who wants to leave: then input that the guest
    /// does not take cannot just wait.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.before.is_some()
    }

    /// Reads what was typed, up to `room` bytes. Returns `None` at the end of the input, or if the terminal hung up. Waits only
    /// for a pipe or a file.
    #[must_use]
    pub fn read(&self, room: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; room];
        match rustix::io::read(&self.input, &mut bytes[..]) {
            Err(Errno::INTR | Errno::AGAIN) => Some(Vec::new()),
            Ok(0) | Err(_) => None,
            Ok(len) => {
                bytes.truncate(len);
                Some(bytes)
            }
        }
    }

    /// Returns lines and columns of the window at standard output. A serial line cannot carry them. A kernel puts `LINES=` and
    /// `COLUMNS=` of its command line into the environment of `init`.
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

/// The output of a UART, which takes a byte or says that it cannot just now. It never fails and, at a terminal, never waits.
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
    /// [`HostError`] if standard output is closed, or if the process has no descriptors left.
    pub fn stdout() -> Result<Self, HostError> {
        without_waiting(stdout())
            .map(Self::new)
            .map_err(HostError::when("share standard output"))
    }

    /// Takes a file, a pipe or a terminal. Set it to non-blocking mode, or it waits for its reader.
    #[must_use]
    pub fn new(out: OwnedFd) -> Self {
        // What the guest wrote in another process may wait for it still.
        Self { out, stalled: true }
    }

    /// Returns `true` if the last byte was not taken. Then let the UART try again soon.
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
}

/// The same file. Of a terminal it is another opening, at which nothing waits: somebody else may have read or written what
/// was there, or the room that there was, and the machine must not stand still for it. Others that have the terminal
/// open go on waiting at theirs.
fn without_waiting(file: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    if isatty(file) {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let how = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        if let Ok(opened) = open(path, how, Mode::empty()) {
            return Ok(opened);
        }
    }
    fcntl_dupfd_cloexec(file, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
