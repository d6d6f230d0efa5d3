//! How often the host is asked to drive the UART's interrupt, beside vm-superio's kicks.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use anyhow::{Result, ensure};
use devstate_core::{Instant, InterruptLine};
use devstate_serial_16550::{AlwaysReady, Config, NoEvents, Serial};
use vm_superio::Trigger;

/// Characters that a driver sends or receives.
const CHARACTERS: usize = 256;

/// What a host is asked to do for [`CHARACTERS`] characters.
pub struct Calls {
    /// What the driver does.
    pub driver: &'static str,
    /// `InterruptLine::set_level`, on a host with a timer.
    pub with_timer: usize,
    /// The same on a host without one.
    pub without_timer: usize,
    /// `Trigger::trigger` of vm-superio; `None` if the driver stops there.
    pub vm_superio: Option<usize>,
}

pub fn measure() -> Result<[Calls; 3]> {
    let ours = |driver: fn(&mut Ours) -> usize, config: Config| {
        let mut machine = Ours::new(config);
        let done = driver(&mut machine);
        ensure!(
            done == CHARACTERS,
            "a driver stopped after {done} characters, timer {}",
            config.timer
        );
        Ok(machine.line.calls.get())
    };
    let row = |name, driver: fn(&mut Ours) -> usize, vm_superio| -> Result<Calls> {
        Ok(Calls {
            driver: name,
            with_timer: ours(driver, Config::WITH_TIMER)?,
            without_timer: ours(driver, Config::DEFAULT)?,
            vm_superio,
        })
    };
    Ok([
        row(
            "sent, 16 for each interrupt, IIR read",
            |it| it.send(true),
            theirs_send(true),
        )?,
        row(
            "sent, 16 for each interrupt, IIR never read",
            |it| it.send(false),
            theirs_send(false),
        )?,
        row(
            "received, 16 at a time, trigger level 8",
            Ours::receive,
            Some(theirs_receive()?),
        )?,
    ])
}

/// A line to an edge-triggered controller, which latches rises.
#[derive(Clone, Default)]
struct Line {
    level: Rc<Cell<bool>>,
    latched: Rc<Cell<bool>>,
    calls: Rc<Cell<usize>>,
}

impl InterruptLine for Line {
    fn set_level(&mut self, asserted: bool) {
        let rises = !self.level.replace(asserted) && asserted;
        self.latched.set(self.latched.get() || rises);
        self.calls.set(self.calls.get() + 1);
    }
}

impl Trigger for Line {
    type E = Infallible;

    fn trigger(&self) -> Result<(), Infallible> {
        self.latched.set(true);
        self.calls.set(self.calls.get() + 1);
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Sent(Rc<RefCell<usize>>);

impl embedded_io::ErrorType for Sent {
    type Error = Infallible;
}

impl embedded_io::Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        *self.0.borrow_mut() += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl std::io::Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        *self.0.borrow_mut() += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Ours {
    uart: Serial<Line, AlwaysReady<Sent>>,
    line: Line,
    sent: Sent,
    now: Instant,
}

impl Ours {
    fn new(config: Config) -> Self {
        let (line, sent) = (Line::default(), Sent::default());
        let mut uart = Serial::with_config(line.clone(), AlwaysReady(sent.clone()), NoEvents, config);
        let now = Instant::EPOCH;
        for (offset, value) in [(3, 0x83), (0, 1), (1, 0), (3, 0x03), (2, 0x81)] {
            uart.write(offset, value, now);
        }
        Self { uart, line, sent, now }
    }

    /// Waits for an interrupt, at most until the host's timer has nothing more to do. Returns whether there was one.
    fn interrupt(&mut self) -> bool {
        while !self.line.latched.take() {
            match self.uart.next_deadline().filter(|_| self.uart.config().timer) {
                Some(deadline) => {
                    self.now = self.now.max(deadline);
                    self.uart.advance(self.now);
                }
                None => return false,
            }
        }
        true
    }

    fn send(&mut self, reads_iir: bool) -> usize {
        let mut left = CHARACTERS;
        self.uart.write(1, 0x02, self.now);
        while left != 0 && self.interrupt() {
            if reads_iir {
                self.uart.read(2, self.now);
            }
            for _ in 0..16.min(left) {
                self.uart.write(0, b'x', self.now);
                left -= 1;
            }
        }
        self.uart.write(1, 0x00, self.now);
        *self.sent.0.borrow()
    }

    fn receive(&mut self) -> usize {
        let mut read = 0;
        self.uart.write(1, 0x01, self.now);
        for _ in 0..CHARACTERS / 16 {
            let _ = self.uart.receive(&[b'x'; 16], self.now);
            while self.interrupt() {
                self.uart.read(2, self.now);
                while self.uart.read(5, self.now) & 1 != 0 {
                    self.uart.read(0, self.now);
                    read += 1;
                }
            }
        }
        read
    }
}

fn theirs() -> (vm_superio::Serial<Line, vm_superio::serial::NoEvents, Sent>, Line, Sent) {
    let (line, sent) = (Line::default(), Sent::default());
    (vm_superio::Serial::new(line.clone(), sent.clone()), line, sent)
}

fn theirs_send(reads_iir: bool) -> Option<usize> {
    let (mut uart, line, sent) = theirs();
    let mut left = CHARACTERS;
    // Enabling the interrupt raises none there: the driver begins by itself.
    let _ = uart.write(1, 0x02);
    line.latched.set(true);
    while left != 0 && line.latched.take() {
        if reads_iir {
            uart.read(2);
        }
        for _ in 0..16.min(left) {
            let _ = uart.write(0, b'x');
            left -= 1;
        }
    }
    (*sent.0.borrow() == CHARACTERS).then(|| line.calls.get())
}

fn theirs_receive() -> Result<usize> {
    let (mut uart, line, _) = theirs();
    let mut read = 0;
    let _ = uart.write(1, 0x01);
    for _ in 0..CHARACTERS / 16 {
        let _ = uart.enqueue_raw_bytes(&[b'x'; 16]);
        while line.latched.take() {
            uart.read(2);
            while uart.read(5) & 1 != 0 {
                uart.read(0);
                read += 1;
            }
        }
    }
    ensure!(
        read == CHARACTERS,
        "vm-superio's driver stopped after {read} characters"
    );
    Ok(line.calls.get())
}
