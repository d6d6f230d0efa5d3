//! Two devices on a bus of ports, with the time that they live by.

use crate::terminal::Screen;
use devstate_core::{Instant, NoInterrupt, RisingEdge, Trigger};
use devstate_i8042::{I8042, SystemControl};
use devstate_serial_16550::{Config, Serial, SerialEvents};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// An eventfd. As the interrupt it wakes the guest, and as the handler of events the main loop.
#[derive(Clone)]
pub struct Signal(pub Arc<OwnedFd>);

impl Signal {
    pub fn new() -> Result<Self, Errno> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?)))
    }
    /// Waits for a signal, and forgets it.
    pub fn wait(&self) -> Result<usize, Errno> {
        rustix::io::read(&self.0, &mut [0; 8])
    }
}

impl Trigger for Signal {
    type E = Errno;
    fn trigger(&self) -> Result<(), Errno> {
        rustix::io::write(&self.0, &1_u64.to_ne_bytes()).map(drop)
    }
}

impl SerialEvents for Signal {
    fn receive_ready(&self) {
        self.trigger().unwrap();
    }
    fn output_stalled(&self) {
        self.trigger().unwrap();
    }
    fn output_failed(&self) {
        self.trigger().unwrap();
    }
}

#[derive(Default)]
pub struct Board {
    pub reset_requested: bool,
}

impl SystemControl for Board {
    fn reset(&mut self) {
        self.reset_requested = true;
    }
}

pub struct Machine {
    pub serial: Serial<RisingEdge<Signal>, Screen, Signal>,
    pub i8042: I8042<NoInterrupt, NoInterrupt, Board>,
    /// The time that passed in the recording.
    pub recorded: Duration,
    /// Since when time passes by itself, and the terminal reaches the UART: not yet in the recording.
    pub live: Option<std::time::Instant>,
    /// How many reads differed from the recording.
    pub differing: Option<usize>,
}

impl Machine {
    pub fn new(irq: Signal, screen: Screen, wake: Signal) -> Self {
        let config = Config {
            flow_control: true,
            ..Config::WITH_TIMER
        };
        let serial = Serial::with_config(RisingEdge::new(irq), screen, wake, config);
        let i8042 = I8042::new(NoInterrupt, NoInterrupt, Board::default());
        Self {
            serial,
            i8042,
            recorded: Duration::ZERO,
            live: None,
            differing: None,
        }
    }
    pub fn now(&self) -> Instant {
        let live = self.live.map_or(Duration::ZERO, |since| since.elapsed());
        Instant::EPOCH.saturating_add(self.recorded).saturating_add(live)
    }
    /// After what time the main loop calls `advance`.
    pub fn timeout(&self) -> Option<Duration> {
        self.live?;
        Some(self.serial.next_deadline()?.saturating_duration_since(self.now()))
    }
    pub fn read(&mut self, port: u16) -> u8 {
        match port {
            0x3f8..=0x3ff => self.serial.read(port - 0x3f8, self.now()),
            0x60 | 0x64 => self.i8042.read(port - 0x60),
            _ => 0xff,
        }
    }
    pub fn write(&mut self, port: u16, value: u8) {
        match port {
            0x3f8..=0x3ff => self.serial.write(port - 0x3f8, value, self.now()),
            0x60 | 0x64 => self.i8042.write(port - 0x60, value),
            _ => (),
        }
    }
}
