//! What connects the devices to the host: `eventfd`s and the terminal's output.

use std::fs::File;
use std::io::{self, Write};

use devstate_core::Trigger;
use devstate_i8042::SystemControl;
use devstate_serial_16550::SerialEvents;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// An `eventfd`: an interrupt behind `irqfd`, or a message to the main loop.
#[derive(Debug)]
pub struct Signal(pub(crate) EventFd);

impl Signal {
    pub(crate) fn new() -> io::Result<Self> {
        EventFd::new(EFD_NONBLOCK).map(Self)
    }
}

impl Trigger for Signal {
    type E = io::Error;

    fn trigger(&self) -> io::Result<()> {
        self.0.write(1)
    }
}

/// The UART takes input again.
impl SerialEvents for Signal {
    fn receive_ready(&self) {
        // It fails only where the counter is full, and then the message is there already.
        let _ = self.0.write(1);
    }
}

/// The guest resets the machine, which ends this program.
impl SystemControl for Signal {
    fn reset(&mut self) {
        let _ = self.0.write(1);
    }
}

/// The terminal's output. It never blocks: a guest must not stand still because nobody reads.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) file: File,
    pub(crate) stalled: bool,
    /// Signals that nobody reads any more.
    pub(crate) stop: EventFd,
}

impl embedded_io::ErrorType for Screen {
    type Error = io::Error;
}

impl embedded_io::WriteReady for Screen {
    fn write_ready(&mut self) -> io::Result<bool> {
        let mut out = [PollFd::new(&self.file, PollFlags::OUT)];
        self.stalled = poll(&mut out, Some(&Timespec::default()))? == 0;
        Ok(!self.stalled)
    }
}

impl embedded_io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nobody reads any more: `vmm | head`.
        self.file.write(bytes).inspect_err(|_| drop(self.stop.write(1)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
