//! A `std::io` output and vm-superio's events, for the device.

use core::cell::Cell;
use std::io::{self, Write};

use embedded_io::{ErrorType, WriteReady};

use super::SerialEvents;

/// An output that is always ready, and keeps its error.
#[derive(Debug)]
pub(super) struct Output<W> {
    pub(super) out: W,
    pub(super) error: Option<io::Error>,
}

impl<W> Output<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { out, error: None }
    }
}

impl<W> ErrorType for Output<W> {
    type Error = io::Error;
}

impl<W> WriteReady for Output<W> {
    fn write_ready(&mut self) -> Result<bool, io::Error> {
        Ok(true)
    }
}

impl<W: Write> embedded_io::Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, io::Error> {
        match self.out.write_all(bytes).and_then(|()| self.out.flush()) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                let kind = error.kind();
                self.error = Some(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> Result<(), io::Error> {
        Ok(())
    }
}

/// Forwards the device's events.
#[derive(Debug)]
pub(super) struct Forward<EV> {
    pub(super) events: EV,
    /// The device takes characters again.
    pub(super) receive_ready: Cell<bool>,
}

impl<EV> Forward<EV> {
    pub(super) const fn new(events: EV) -> Self {
        Self {
            events,
            receive_ready: Cell::new(false),
        }
    }
}

impl<EV: SerialEvents> devstate_serial_16550::SerialEvents for Forward<EV> {
    fn transmitted(&self) {
        self.events.out_byte();
    }

    fn output_discarded(&self, count: usize) {
        for _ in 0..count {
            self.events.tx_lost_byte();
        }
    }

    fn receive_ready(&self) {
        self.receive_ready.set(true);
    }
}
