//! The input of a UART.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;

use devstate_core::InterruptLine;
use devstate_serial_16550::{Output, Serial};
use event_manager::{EventOps, EventSet, Events, MutEventSubscriber};

use crate::{Shared, Signal, access};

/// Input that was read but that the UART has not taken. Save this part of an [`Input`] in the snapshot.
pub type Waiting = heapless::Vec<u8, 64>;

/// Passes input from a file, such as a terminal, to a UART.
///
/// It is a subscriber of an `event-manager`. It reads at most 64 bytes ahead, and continues when the UART has taken all
/// of them. So a writer at the other end of a pipe waits, and nothing is lost. When the UART takes input again, it
/// signals its event handler, a [`Signal`].
#[derive(Debug)]
pub struct Input<I, W> {
    file: File,
    waiting: Waiting,
    serial: Shared<Serial<I, W, Signal>>,
    ready: Signal,
}

impl<I: InterruptLine, W: Output> Input<I, W> {
    /// Creates an input from `file`, for example from `stdin().as_fd().try_clone_to_owned()`.
    ///
    /// A file on a disk and `/dev/null` give no input, because `epoll` cannot wait for them.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn new(file: File, serial: Shared<Serial<I, W, Signal>>) -> io::Result<Self> {
        let ready = access(&serial, |serial, _| serial.events().try_clone())?;
        Ok(Self {
            file,
            waiting: Waiting::new(),
            serial,
            ready,
        })
    }

    /// Returns the input that the UART has not taken. Save it with the UART's state, and keep the input locked until both are
    /// taken: otherwise a byte may be in both or in neither.
    #[must_use]
    pub const fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Replaces the input that the UART has not taken, and offers it to the UART. Call it after the UART's state is
    /// restored.
    pub fn restore(&mut self, waiting: Waiting) {
        self.waiting = waiting;
        // The main loop offers it, and decides whether it reads on.
        self.ready.send();
    }

    fn offer(&mut self) {
        let taken = access(&self.serial, |serial, now| serial.receive(&self.waiting, now));
        self.waiting = self.waiting.iter().skip(taken).copied().collect();
    }

    /// Watches the file while the UART has taken all that was read.
    fn watch(&self, ops: &mut EventOps) {
        let input = Events::new(&self.file, EventSet::IN);
        // It fails where the file is watched already, or cannot be watched.
        let _ = if self.waiting.is_empty() {
            ops.add(input)
        } else {
            ops.remove(input)
        };
    }
}

impl<I: InterruptLine, W: Output> MutEventSubscriber for Input<I, W> {
    /// # Panics
    ///
    /// The limit of `/proc/sys/fs/epoll/max_user_watches` is reached: the trait cannot return an error.
    #[expect(clippy::expect_used, reason = "the trait cannot return an error")]
    fn init(&mut self, ops: &mut EventOps) {
        ops.add(Events::new(&self.ready, EventSet::IN))
            .expect("an epoll takes an eventfd");
        self.watch(ops);
    }

    fn process(&mut self, events: Events, ops: &mut EventOps) {
        if events.fd() == self.file.as_raw_fd() {
            let mut bytes = [0; 64];
            match self.file.read(&mut bytes) {
                Ok(len @ 1..) => self.waiting.extend(bytes.iter().take(len).copied()),
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                // The end of the input, and a terminal that went away.
                _ => return drop(ops.remove(events)),
            }
        } else {
            let _ = self.ready.take();
        }
        self.offer();
        self.watch(ops);
    }
}
