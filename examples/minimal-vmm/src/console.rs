//! The terminal that the guest's UART is wired to.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use embedded_io::{ErrorType, Write, WriteReady};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// Standard input and output as a serial terminal: every key goes to the guest, until this is dropped.
#[derive(Debug)]
pub struct Terminal {
    before: Option<Termios>,
}

impl Terminal {
    pub fn open() -> Result<Self> {
        if !io::stdin().is_terminal() {
            return Ok(Self { before: None });
        }
        let before = tcgetattr(stdin()).context("cannot ask the terminal")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw).context("cannot set the terminal to raw mode")?;
        Ok(Self { before: Some(before) })
    }

    /// What was typed, at most `room` bytes; `None` at the end of the input.
    pub fn read(room: usize) -> Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; room];
        match rustix::io::read(stdin(), &mut bytes[..]) {
            Ok(0) => Ok(None),
            Ok(len) => {
                bytes.truncate(len);
                Ok(Some(bytes))
            }
            Err(Errno::INTR | Errno::AGAIN) => Ok(Some(Vec::new())),
            Err(error) => Err(error).context("cannot read from the terminal"),
        }
    }

    /// Lines and columns of the window. A serial line cannot carry them; a guest's `init` gets them as environment.
    pub fn window() -> Option<(u16, u16)> {
        let size = tcgetwinsize(stdout()).ok()?;
        (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // Nothing is left to be done about a terminal that went away.
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

/// The UART's output: standard output, which takes a byte or says that it cannot just now.
#[derive(Debug, Default)]
pub struct Screen {
    stalled: bool,
}

impl Screen {
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

impl WriteReady for Screen {
    fn write_ready(&mut self) -> Result<bool, io::Error> {
        let stdout = stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
        self.stalled = poll(&mut fds, Some(&Timespec::default()))? == 0;
        Ok(!self.stalled)
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, io::Error> {
        match rustix::io::write(stdout(), bytes) {
            Ok(taken) => Ok(taken),
            Err(Errno::INTR | Errno::AGAIN) => {
                self.stalled = true;
                Ok(0)
            }
            // Nobody reads any more: the plug has been pulled, and a UART sends on.
            Err(Errno::PIPE | Errno::IO) => Ok(bytes.len()),
            Err(error) => Err(error.into()),
        }
    }

    fn flush(&mut self) -> Result<(), io::Error> {
        Ok(())
    }
}

/// What a key after Ctrl-A asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// `x`: end the VMM.
    Quit,
    /// `s`: save the machine.
    Save,
    /// `k`: press Ctrl-Alt-Del on the guest's keyboard.
    CtrlAltDel,
}

/// Picks the escapes out of what is typed.
#[derive(Debug, Default)]
pub struct EscapeFilter {
    after_ctrl_a: bool,
}

impl EscapeFilter {
    /// Gives the bytes for the guest, and then what was asked for.
    pub fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, Vec<Escape>) {
        const CTRL_A: u8 = 1;
        let (mut bytes, mut escapes) = (Vec::new(), Vec::new());
        for &byte in typed {
            match (std::mem::take(&mut self.after_ctrl_a), byte) {
                (false, CTRL_A) => self.after_ctrl_a = true,
                (true, b'x') => escapes.push(Escape::Quit),
                (true, b's') => escapes.push(Escape::Save),
                (true, b'k') => escapes.push(Escape::CtrlAltDel),
                // Twice is once for the guest; other keys are for the guest too.
                (_, byte) => bytes.push(byte),
            }
        }
        (bytes, escapes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_a_and_a_letter_is_not_for_the_guest_even_when_they_come_apart() {
        let mut filter = EscapeFilter::default();
        assert_eq!(filter.filter(b"ls\x01"), (b"ls".to_vec(), vec![]));
        assert_eq!(filter.filter(b"x\n"), (b"\n".to_vec(), vec![Escape::Quit]));
        assert_eq!(
            filter.filter(b"\x01\x01\x01z\x01s"),
            (b"\x01z".to_vec(), vec![Escape::Save])
        );
    }
}
