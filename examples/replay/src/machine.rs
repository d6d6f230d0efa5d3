//! The reference machine: three devices and what they are wired to.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;

use devstate_core::{Clock, Instant};
use devstate_i8042::{I8042, SystemControl};
use devstate_rtc_pl031::Rtc;
use devstate_serial_16550::{Config, Serial};
use embedded_io::{ErrorType, Write, WriteReady};

use crate::state::{InvalidMachine, MachineState};

/// What the devices are wired to. It outlives them, and no part of it is a device's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wires {
    /// The clock's interrupt line.
    pub rtc: Cell<bool>,
    /// The UART's.
    pub serial: Cell<bool>,
    /// The keyboard's, IRQ 1.
    pub keyboard: Cell<bool>,
    /// The mouse's, IRQ 12.
    pub mouse: Cell<bool>,
    /// The address line that the keyboard controller gates.
    pub a20: Cell<bool>,
    /// The keyboard controller has asked for a system reset.
    pub reset: Cell<bool>,
    /// What the UART has sent.
    pub console: RefCell<Vec<u8>>,
}

impl Wires {
    /// The levels that devices drive.
    #[must_use]
    pub fn levels(&self) -> [(&'static str, bool); 5] {
        [
            ("the clock's interrupt line", self.rtc.get()),
            ("the UART's interrupt line", self.serial.get()),
            ("the keyboard's interrupt line", self.keyboard.get()),
            ("the mouse's interrupt line", self.mouse.get()),
            ("the address line A20", self.a20.get()),
        ]
    }

    /// Inverts every level, so that one that nobody drives is seen.
    pub fn disturb(&self) {
        for line in [&self.rtc, &self.serial, &self.keyboard, &self.mouse, &self.a20] {
            line.set(!line.get());
        }
    }
}

/// The moment for each device that knows time, in nanoseconds. A trace says how much passes for each by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The clock's.
    pub rtc: Instant,
    /// The UART's.
    pub serial: Instant,
}

impl Moment {
    /// The moment at which a state was saved.
    #[must_use]
    pub const fn of(state: &MachineState) -> Self {
        Self {
            rtc: state.rtc.saved_at,
            serial: state.serial.saved_at,
        }
    }
}

/// Three devices on their wires.
pub struct Machine<'w> {
    /// The clock.
    pub rtc: Rtc<&'w Cell<bool>>,
    /// The UART.
    pub serial: Serial<&'w Cell<bool>, Console<'w>>,
    /// The keyboard controller.
    pub i8042: I8042<&'w Cell<bool>, &'w Cell<bool>, SystemBoard<'w>>,
}

impl<'w> Machine<'w> {
    /// New devices that go on from a state at its own moment. They drive all their wires.
    ///
    /// # Errors
    ///
    /// The first device that cannot be in such a state.
    pub fn from_state(state: &MachineState, wires: &'w Wires) -> Result<Self, InvalidMachine> {
        let now = Moment::of(state);
        Ok(Self {
            rtc: Rtc::from_state(
                &state.rtc,
                &wires.rtc,
                devstate_rtc_pl031::NoEvents,
                now.rtc,
                Clock::Wall,
            )
            .map_err(InvalidMachine::in_device("rtc"))?,
            serial: Serial::from_state(
                &state.serial,
                &wires.serial,
                Console(&wires.console),
                devstate_serial_16550::NoEvents,
                Config::WITH_TIMER,
                now.serial,
                Clock::Wall,
            )
            .map_err(InvalidMachine::in_device("serial"))?,
            i8042: I8042::from_state(
                &state.i8042,
                &wires.keyboard,
                &wires.mouse,
                SystemBoard(wires),
                devstate_i8042::NoEvents,
                devstate_i8042::Config::DEFAULT,
            )
            .map_err(InvalidMachine::in_device("i8042"))?,
        })
    }

    /// The devices' state at a moment.
    #[must_use]
    pub fn state(&self, now: Moment, events: u64) -> MachineState {
        MachineState {
            rtc: self.rtc.state(now.rtc),
            serial: self.serial.state(now.serial),
            i8042: self.i8042.state(),
            events,
        }
    }

    /// The same, and there are no devices any more.
    #[must_use]
    pub fn into_state(self, now: Moment, events: u64) -> MachineState {
        self.state(now, events)
    }

    /// What the reset line of a PC reaches: not the clock.
    pub fn reset(&mut self, now: Moment) {
        self.serial.reset(now.serial);
        self.i8042.reset();
    }
}

impl fmt::Debug for Machine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").finish_non_exhaustive()
    }
}

/// The other end of the UART's cable: takes everything at once.
#[derive(Clone, Copy, Debug)]
pub struct Console<'w>(&'w RefCell<Vec<u8>>);

impl ErrorType for Console<'_> {
    type Error = Infallible;
}

impl Write for Console<'_> {
    fn write(&mut self, buffer: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl WriteReady for Console<'_> {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}

/// What the keyboard controller's output port leads to.
#[derive(Clone, Copy, Debug)]
pub struct SystemBoard<'w>(&'w Wires);

impl SystemControl for SystemBoard<'_> {
    fn set_a20(&mut self, enabled: bool) {
        self.0.a20.set(enabled);
    }

    fn reset(&mut self) {
        self.0.reset.set(true);
    }
}
