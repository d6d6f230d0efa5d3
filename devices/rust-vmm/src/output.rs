//! The output of a UART.

use std::fs::File;
use std::io::{self, ErrorKind, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Signal;

/// A terminal, pipe or file that the UART writes to and that never blocks the guest.
///
/// It writes only where `poll` says that there is room. The UART keeps what is not taken, and [`OnBus`](crate::OnBus) tries
/// again. Make the file from `stdout().as_fd().try_clone_to_owned()`: `Stdout` itself holds back what is not a whole line.
#[derive(Debug)]
pub struct NonBlocking {
    file: File,
    gone: Signal,
}

impl NonBlocking {
    /// Creates an output to `file`. It signals `gone` when a write fails, for example because the reader of a pipe has ended
    /// (`vmm | head`).
    #[must_use]
    pub const fn new(file: File, gone: Signal) -> Self {
        Self { file, gone }
    }
}

impl embedded_io::ErrorType for NonBlocking {
    type Error = io::Error;
}

impl embedded_io::WriteReady for NonBlocking {
    fn write_ready(&mut self) -> io::Result<bool> {
        let mut out = [PollFd::new(&self.file, PollFlags::OUT)];
        Ok(poll(&mut out, Some(&Timespec::default()))? > 0)
    }
}

impl embedded_io::Write for NonBlocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).or_else(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(0),
            _ => {
                self.gone.send();
                Err(error)
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
