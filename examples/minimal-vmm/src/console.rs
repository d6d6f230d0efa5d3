//! The terminal that the guest's UART is wired to.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context, Result};
use embedded_io::{ErrorType, Write, WriteReady};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

use crate::control::Requests;
use crate::say::terminal_is_raw;

/// Standard input and output as a serial terminal.
#[derive(Debug)]
pub struct Terminal {
    input: OwnedFd,
    /// Of a terminal: how it was.
    before: Option<Termios>,
    raw: bool,
}

impl Terminal {
    pub fn open() -> Result<Self> {
        let input = without_waiting(stdin()).context("cannot share standard input")?;
        let before = isatty(&input).then(|| tcgetattr(stdin())).transpose();
        Ok(Self {
            input,
            before: before.context("cannot ask the terminal")?,
            raw: false,
        })
    }

    /// From here on every key goes to the guest, until this is dropped. A terminal that cannot do that still types lines.
    pub fn enter_raw_mode(&mut self) -> Result<()> {
        if let Some(before) = &self.before {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(stdin(), OptionalActions::Now, &raw).context("cannot set the terminal to raw mode")?;
            self.raw = true;
            terminal_is_raw(true);
        }
        Ok(())
    }

    /// Whether somebody types, who may want to leave: then input that the guest does not take cannot just wait.
    pub fn is_interactive(&self) -> bool {
        self.before.is_some()
    }

    /// What was typed; `None` at the end of the input, which is also what a hang-up is.
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

    /// Lines and columns of the window. A serial line cannot carry them; a guest's `init` gets them as environment.
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
            terminal_is_raw(false);
        }
    }
}

/// The UART's output, which takes a byte or says that it cannot just now.
#[derive(Debug)]
pub struct Screen {
    out: OwnedFd,
    stalled: bool,
}

impl Screen {
    pub fn stdout() -> Result<Self> {
        without_waiting(stdout())
            .map(Self::new)
            .context("cannot share standard output")
    }

    pub fn new(out: OwnedFd) -> Self {
        // What the guest wrote in another process may wait for it still.
        Self { out, stalled: true }
    }

    /// Whether the last byte was not taken, so that the UART should be asked again.
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Before another try: there may be nothing left to try it with.
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

/// Picks what is asked for with Ctrl-A out of what is typed.
#[derive(Debug)]
pub struct EscapeFilter {
    after_ctrl_a: bool,
    /// Where Ctrl-A s saves.
    directory: PathBuf,
}

impl EscapeFilter {
    pub fn new(directory: PathBuf) -> Self {
        Self {
            after_ctrl_a: false,
            directory,
        }
    }

    /// Gives the bytes for the guest, and what else was asked for.
    pub fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, Requests) {
        const CTRL_A: u8 = 1;
        let (mut bytes, mut requests) = (Vec::new(), Requests::default());
        for &byte in typed {
            match (std::mem::take(&mut self.after_ctrl_a), byte) {
                (false, CTRL_A) => self.after_ctrl_a = true,
                (true, b'x') => requests.quit = true,
                (true, b's') => requests.save = Some(self.directory.clone()),
                (true, b'k') => requests.key.push("ctrl-alt-delete".into()),
                // Twice is once for the guest; other keys are for the guest too.
                (_, byte) => bytes.push(byte),
            }
        }
        (bytes, requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_a_and_a_letter_is_not_for_the_guest_even_when_they_come_apart() {
        let mut filter = EscapeFilter::new("saved".into());
        assert_eq!(filter.filter(b"ls\x01"), (b"ls".to_vec(), Requests::default()));
        let (bytes, requests) = filter.filter(b"x\n");
        assert!(bytes == b"\n" && requests.quit);
        let (bytes, requests) = filter.filter(b"\x01\x01\x01z\x01s\x01k");
        assert!(bytes == b"\x01z" && requests.save == Some("saved".into()) && !requests.quit);
        assert_eq!(requests.key, ["ctrl-alt-delete"]);
    }

    #[test]
    fn an_output_that_takes_nothing_is_asked_again() -> Result<()> {
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
