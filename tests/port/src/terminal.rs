//! The terminal: an output that never blocks, and raw mode.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

/// The standard output, unbuffered.
pub struct Screen {
    pub file: File,
    /// Why it takes no more.
    pub error: Option<io::Error>,
}

impl Screen {
    pub fn stdout() -> io::Result<Self> {
        let file = io::stdout().as_fd().try_clone_to_owned()?.into();
        Ok(Self { file, error: None })
    }
}

impl embedded_io::ErrorType for Screen {
    type Error = io::Error;
}

impl embedded_io::WriteReady for Screen {
    fn write_ready(&mut self) -> io::Result<bool> {
        let mut out = [PollFd::new(&self.file, PollFlags::OUT)];
        Ok(poll(&mut out, Some(&Timespec::default()))? == 1)
    }
}

impl embedded_io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).or_else(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(0),
            kind => {
                self.error = Some(error);
                Err(kind.into())
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Raw mode of the standard input, where it is a terminal, until it is dropped.
pub struct RawMode(Option<Termios>);

impl RawMode {
    pub fn enter() -> io::Result<Self> {
        if !isatty(io::stdin()) {
            return Ok(Self(None));
        }
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A terminal that is gone has no mode.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
