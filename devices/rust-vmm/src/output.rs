//! The output of a UART.

use std::fs::File;
use std::io::{self, ErrorKind, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Signal;

/// An output to a terminal, a pipe or a file. It never blocks the guest.
///
/// It writes only if `poll` reports room. The UART keeps the characters that are not taken, and [`OnBus`](crate::OnBus)
/// tries again. For the standard output, make the file from `stdout().as_fd().try_clone_to_owned()`, because `Stdout`
/// buffers incomplete lines.
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
