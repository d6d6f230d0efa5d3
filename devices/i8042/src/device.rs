//! The device: construction, save and restore, ports, and lines.

use devstate_core::{Instant, InterruptLine, InvalidState};

use crate::config::Config;
use crate::control::SystemControl;
use crate::events::{I8042Events, NoEvents};
use crate::spec;
use crate::state::{I8042State, OutputBuffer};

/// Emulates an i8042 keyboard controller with a PS/2 keyboard and a PS/2 mouse.
///
/// `K` is the keyboard's interrupt line (IRQ 1), `M` the mouse's (IRQ 12), `S` receives gate A20 and the reset line, `EV`
/// receives the events. None of them is part of the state.
///
/// See the [crate's documentation](crate) for what the host must do.
#[derive(Debug)]
pub struct I8042<K, M, S, EV = NoEvents> {
    /// While bytes are held back, the output buffer may be empty although a device has a byte for it.
    pub(crate) state: I8042State,
    /// The status register, which follows from the state: drivers poll it.
    status: u8,
    levels: (bool, bool),
    /// Whether keyboard and mouse had something to send after the last access.
    had_data: (bool, bool),
    config: Config,
    /// The nanoseconds of [`Config::byte_time`].
    byte_nanos: u64,
    now: Instant,
    /// Keyboard and mouse do not send before.
    pub(crate) not_before: Instant,
    /// The device that sent last, for turns.
    pub(crate) last_sender: OutputBuffer,
    keyboard_irq: K,
    mouse_irq: M,
    pub(crate) control: S,
    pub(crate) events: EV,
}

impl<K: InterruptLine, M: InterruptLine, S: SystemControl> I8042<K, M, S> {
    /// Creates a device after power-on, in [`I8042State::RESET`], without an event handler. Its interrupt lines are
    /// assumed to be low and gate A20 to be open.
    #[must_use]
    pub const fn new(keyboard_irq: K, mouse_irq: M, control: S) -> Self {
        Self::with_events(keyboard_irq, mouse_irq, control, NoEvents)
    }
}

impl<K: InterruptLine, M: InterruptLine, S: SystemControl, EV: I8042Events> I8042<K, M, S, EV> {
    /// Like [`new`](Self::new), with an event handler.
    #[must_use]
    pub const fn with_events(keyboard_irq: K, mouse_irq: M, control: S, events: EV) -> Self {
        Self::with_config(keyboard_irq, mouse_irq, control, events, Config::DEFAULT)
    }

    /// Like [`with_events`](Self::with_events), with the host's policies.
    #[must_use]
    pub const fn with_config(keyboard_irq: K, mouse_irq: M, control: S, events: EV, config: Config) -> Self {
        Self::assemble(I8042State::RESET, keyboard_irq, mouse_irq, control, events, config)
    }

    /// Creates a device in a saved state. It drives its interrupt lines and gate A20 as the state implies.
    ///
    /// # Errors
    ///
    /// The error of [`I8042State::validate`].
    pub fn from_state(
        state: &I8042State,
        keyboard_irq: K,
        mouse_irq: M,
        control: S,
        events: EV,
        config: Config,
    ) -> Result<Self, InvalidState> {
        state.validate()?;
        let mut device = Self::assemble(*state, keyboard_irq, mouse_irq, control, events, config);
        device.resume();
        Ok(device)
    }

    const fn assemble(
        state: I8042State,
        keyboard_irq: K,
        mouse_irq: M,
        control: S,
        events: EV,
        config: Config,
    ) -> Self {
        Self {
            status: state.status(),
            had_data: (state.keyboard.has_data(), state.mouse.has_data()),
            state,
            levels: (false, false),
            config,
            byte_nanos: byte_nanos(config),
            now: Instant::EPOCH,
            not_before: Instant::EPOCH,
            last_sender: OutputBuffer::Empty,
            keyboard_irq,
            mouse_irq,
            control,
            events,
        }
    }

    /// Puts the device into a saved state, and drives its interrupt lines and gate A20.
    ///
    /// Keys and buttons that were down at the save are down again. If the user has released the keys since, call
    /// [`release_all`](Self::release_all).
    ///
    /// # Errors
    ///
    /// The error of [`I8042State::validate`]. The device is then unchanged.
    pub fn restore(&mut self, state: &I8042State) -> Result<(), InvalidState> {
        state.validate()?;
        self.state = *state;
        self.resume();
        Ok(())
    }

    /// Returns the device's state. Bytes that are held back ([`Config::byte_time`]) are delivered at once after a restore.
    #[must_use]
    pub fn state(&self) -> I8042State {
        let mut state = self.state;
        let next = state.next_output(self.last_sender);
        if state.output_buffer == OutputBuffer::Empty && next != OutputBuffer::Empty {
            state.output_buffer = next;
        }
        state.output_port = state.shown_output_port();
        state
    }

    /// Resets the device, as part of a reset of the machine: controller, keyboard and mouse are as after power-on. Keys
    /// and buttons count as up.
    pub fn reset(&mut self) {
        self.state = I8042State::RESET;
        self.resume();
    }

    /// Lets time pass until `now`. This is only needed with a [`Config::byte_time`] above zero: before each access, and
    /// at [`next_deadline`](Self::next_deadline).
    pub fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.settle();
    }

    /// Returns the time at which a byte that is held back ([`Config::byte_time`]) is due. Every access may change it.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let waits = self.state.output_buffer == OutputBuffer::Empty
            && self.state.next_output(OutputBuffer::Empty) != OutputBuffer::Empty;
        waits.then_some(self.not_before)
    }

    /// Returns the host's policies.
    #[must_use]
    pub const fn config(&self) -> Config {
        self.config
    }

    /// Changes the host's policies. A byte that is already held back keeps its due time.
    pub const fn set_config(&mut self, config: Config) {
        self.config = config;
        self.byte_nanos = byte_nanos(config);
    }

    /// A byte is on its way to or from a device: the next one comes later.
    pub(crate) fn hold_back(&mut self) {
        self.not_before = self.now.saturating_add_nanos(self.byte_nanos);
    }

    pub(crate) fn is_held_back(&self) -> bool {
        self.now < self.not_before
    }

    /// Handles a guest's read of port 60h ([`DATA`](spec::DATA)) or 64h ([`COMMAND`](spec::COMMAND)) with all its side
    /// effects. Any other offset returns [`OUT_OF_RANGE`](spec::OUT_OF_RANGE).
    #[inline]
    pub fn read(&mut self, offset: u16) -> u8 {
        // The short way for what drivers poll, made for being inlined.
        if offset == spec::COMMAND {
            self.status
        } else {
            aside();
            self.read_other(offset)
        }
    }

    #[inline(never)]
    fn read_other(&mut self, offset: u16) -> u8 {
        if offset == spec::DATA {
            self.read_data()
        } else {
            self.events.invalid_read(offset);
            spec::OUT_OF_RANGE
        }
    }

    /// Handles a guest's write to port 60h ([`DATA`](spec::DATA)) or 64h ([`COMMAND`](spec::COMMAND)). A write to any
    /// other offset is ignored.
    #[inline]
    pub fn write(&mut self, offset: u16, value: u8) {
        match offset {
            spec::DATA => self.write_data(value),
            spec::COMMAND => self.command(value),
            _ => self.events.invalid_write(offset, value),
        }
    }

    /// Returns the LEDs of the keyboard, from bit 0: scroll lock, num lock, caps lock.
    #[must_use]
    pub const fn leds(&self) -> u8 {
        self.state.keyboard.leds
    }

    /// Returns the levels of IRQ 1 and IRQ 12.
    #[must_use]
    pub const fn interrupt_levels(&self) -> (bool, bool) {
        self.levels
    }

    /// Returns the keyboard's interrupt line.
    pub const fn keyboard_irq(&self) -> &K {
        &self.keyboard_irq
    }

    /// Returns the keyboard's interrupt line for changes, such as to take an adapter's error.
    pub const fn keyboard_irq_mut(&mut self) -> &mut K {
        &mut self.keyboard_irq
    }

    /// Returns the mouse's interrupt line.
    pub const fn mouse_irq(&self) -> &M {
        &self.mouse_irq
    }

    /// Returns the mouse's interrupt line for changes.
    pub const fn mouse_irq_mut(&mut self) -> &mut M {
        &mut self.mouse_irq
    }

    /// Returns the event handler.
    pub const fn events(&self) -> &EV {
        &self.events
    }

    /// Returns the receiver of gate A20 and the reset line.
    pub const fn control(&self) -> &S {
        &self.control
    }

    /// Returns the receiver of gate A20 and the reset line for changes.
    pub const fn control_mut(&mut self) -> &mut S {
        &mut self.control
    }

    /// Drives everything after the state was replaced.
    fn resume(&mut self) {
        self.not_before = Instant::EPOCH;
        self.last_sender = OutputBuffer::Empty;
        self.levels = self.state.interrupt_levels();
        self.keyboard_irq.set_level(self.levels.0);
        self.mouse_irq.set_level(self.levels.1);
        self.control.set_a20(self.state.a20());
        self.finish();
    }

    /// Drives the lines whose levels have changed.
    #[inline]
    pub(crate) fn update_lines(&mut self) {
        self.drive_lines(self.state.interrupt_levels());
    }

    /// Drives the lines where these levels are new.
    #[inline]
    pub(crate) fn drive_lines(&mut self, (keyboard, mouse): (bool, bool)) {
        if keyboard != self.levels.0 {
            self.levels.0 = keyboard;
            self.keyboard_irq.set_level(keyboard);
        }
        if mouse != self.levels.1 {
            self.levels.1 = mouse;
            self.mouse_irq.set_level(mouse);
        }
    }

    /// Completes a call: keeps the status register, and reports that keyboard or mouse have nothing more to send.
    #[inline]
    pub(crate) fn finish(&mut self) {
        self.status = self.state.status();
        let before = self.had_data;
        self.had_data = (self.state.keyboard.has_data(), self.state.mouse.has_data());
        if before.0 && !self.had_data.0 {
            self.events.keyboard_emptied();
        }
        if before.1 && !self.had_data.1 {
            self.events.mouse_emptied();
        }
    }
}

/// Marks a path as rare. The compiler puts its code out of line, so that the other path needs no jump.
#[cold]
const fn aside() {}

/// Returns the nanoseconds of [`Config::byte_time`], at most [`u64::MAX`].
const fn byte_nanos(config: Config) -> u64 {
    Instant::EPOCH.saturating_add(config.byte_time).as_nanos()
}
