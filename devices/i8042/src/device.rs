//! The device: its life, its ports, and the host's side of keyboard and mouse.

use devstate_core::{InterruptLine, InvalidState};

use crate::control::SystemControl;
use crate::events::{I8042Events, NoEvents};
use crate::key::Key;
use crate::mouse::MouseInput;
use crate::scan_codes::ScanCodes;
use crate::spec;
use crate::state::I8042State;

/// An i8042 keyboard controller with a PS/2 keyboard and a PS/2 mouse.
///
/// `K` is the keyboard's interrupt line (IRQ 1), `M` the mouse's (IRQ 12), `S` what the controller does to the machine,
/// `EV` is told what happens. None of them is part of the state. There is no notion of time: keys repeat and mice move
/// when the host says so.
///
/// See the [crate's documentation](crate) for the rest.
#[derive(Debug)]
pub struct I8042<K, M, S, EV = NoEvents> {
    pub(crate) state: I8042State,
    levels: (bool, bool),
    keyboard_irq: K,
    mouse_irq: M,
    pub(crate) control: S,
    pub(crate) events: EV,
}

impl<K: InterruptLine, M: InterruptLine, S: SystemControl> I8042<K, M, S> {
    /// A device after power-on, in [`I8042State::RESET`]. Its interrupt lines are taken to be low and gate A20 to be
    /// open.
    #[must_use]
    pub const fn new(keyboard_irq: K, mouse_irq: M, control: S) -> Self {
        Self::with_events(keyboard_irq, mouse_irq, control, NoEvents)
    }
}

impl<K: InterruptLine, M: InterruptLine, S: SystemControl, EV: I8042Events> I8042<K, M, S, EV> {
    /// The same, with someone who is told what happens.
    #[must_use]
    pub const fn with_events(keyboard_irq: K, mouse_irq: M, control: S, events: EV) -> Self {
        Self::assemble(I8042State::RESET, keyboard_irq, mouse_irq, control, events)
    }

    /// A device in a saved state. It drives its interrupt lines and gate A20 as the state implies.
    ///
    /// # Errors
    ///
    /// What [`I8042State::validate`] says.
    pub fn from_state(
        state: &I8042State,
        keyboard_irq: K,
        mouse_irq: M,
        control: S,
        events: EV,
    ) -> Result<Self, InvalidState> {
        state.validate()?;
        let mut device = Self::assemble(*state, keyboard_irq, mouse_irq, control, events);
        device.drive_everything();
        Ok(device)
    }

    const fn assemble(state: I8042State, keyboard_irq: K, mouse_irq: M, control: S, events: EV) -> Self {
        Self {
            state,
            levels: (false, false),
            keyboard_irq,
            mouse_irq,
            control,
            events,
        }
    }

    /// Puts the device into a saved state, and drives its interrupt lines and gate A20.
    ///
    /// # Errors
    ///
    /// What [`I8042State::validate`] says; the device is then as it was.
    pub fn restore(&mut self, state: &I8042State) -> Result<(), InvalidState> {
        state.validate()?;
        self.state = *state;
        self.drive_everything();
        Ok(())
    }

    /// The device's state.
    #[must_use]
    pub const fn state(&self) -> I8042State {
        self.state
    }

    /// A reset of the machine: controller, keyboard and mouse are as after power-on.
    pub fn reset(&mut self) {
        self.state = I8042State::RESET;
        self.drive_everything();
    }

    /// A guest's read of port 60h ([`DATA`](spec::DATA)) or 64h ([`COMMAND`](spec::COMMAND)), with all the side effects
    /// it has. Any other offset gives [`OUT_OF_RANGE`](spec::OUT_OF_RANGE).
    #[inline]
    pub fn read(&mut self, offset: u16) -> u8 {
        match offset {
            spec::DATA => self.read_data(),
            spec::COMMAND => self.state.status(),
            _ => {
                self.events.invalid_read(offset);
                spec::OUT_OF_RANGE
            }
        }
    }

    /// A guest's write to port 60h ([`DATA`](spec::DATA)) or 64h ([`COMMAND`](spec::COMMAND)). At any other offset
    /// nothing happens.
    #[inline]
    pub fn write(&mut self, offset: u16, value: u8) {
        match offset {
            spec::DATA => self.write_data(value),
            spec::COMMAND => self.command(value),
            _ => self.events.invalid_write(offset, value),
        }
    }

    /// A key goes down (or repeats, if it is down), or up.
    ///
    /// `false` where the keyboard's buffer was full and what the key sends is lost; the guest will find an overrun code.
    /// A key that sends nothing, because scanning is disabled or the scan-code set does not have it, is not lost.
    pub fn key(&mut self, key: Key, pressed: bool) -> bool {
        let translated = self.state.translates();
        let taken = self.state.keyboard.key(key, pressed, translated, &self.events);
        self.settle();
        taken
    }

    /// A key of a keyboard elsewhere goes down or up, and `codes` is what that one sent for it, before translation.
    ///
    /// It is for hosts that have scan codes, not keys alone: another model's trace, a pass-through of a real keyboard. As
    /// far as there is room they are queued as they are; the rest is dropped, which gives `false`. There is no overrun code:
    /// that would be the other keyboard's.
    pub fn key_as_sent(&mut self, key: Key, pressed: bool, codes: &[u8]) -> bool {
        let translated = self.state.translates();
        let taken = self.state.keyboard.key_as_sent(key, pressed, codes, translated);
        if !taken {
            self.events.key_lost(key, pressed);
        }
        self.settle();
        taken
    }

    /// What the keyboard would send, before translation, if this key went down or up now.
    #[must_use]
    pub fn scan_codes(&self, key: Key, pressed: bool) -> ScanCodes {
        self.state.keyboard.codes_of(key, pressed)
    }

    /// The mouse moved, its wheels turned, its buttons changed.
    ///
    /// In stream mode it reports at once, in as many packets as the movement needs: 127 counts a packet, scaled if the
    /// guest wants it, the wheels within what the protocol can carry. `false` where the queue is full before everything
    /// is reported: what is left is counted with what comes, and [`report_mouse`](Self::report_mouse) tries again. In
    /// remote mode, in wrap mode and while reporting is disabled it only counts.
    pub fn mouse(&mut self, input: &MouseInput) -> bool {
        let untold = self.state.mouse.count(input);
        self.report(untold)
    }

    /// The same, but the mouse only counts, also in stream mode: the next packet carries it.
    pub fn count_mouse(&mut self, input: &MouseInput) {
        self.state.mouse.count(input);
    }

    /// Reports what the mouse has counted and not reported, as [`mouse`](Self::mouse) does.
    pub fn report_mouse(&mut self) -> bool {
        self.report(true)
    }

    fn report(&mut self, untold: bool) -> bool {
        let reported = self.state.mouse.report(untold, &self.events);
        self.settle();
        reported
    }

    /// Queues exactly one packet that says just this, in the protocol in use and whatever the mode, if the queue has room
    /// for it. Movements beyond 127 counts (or what the wheels can carry) are cut off; what had been counted before is
    /// dropped.
    ///
    /// It is for hosts that have packets, not movements: another model's trace, a pass-through of a real mouse.
    pub fn mouse_packet(&mut self, packet: &MouseInput) -> bool {
        let queued = self.state.mouse.queue_packet(packet, &self.events);
        self.settle();
        queued
    }

    /// The LEDs of the keyboard, from bit 0: scroll lock, num lock, caps lock.
    #[must_use]
    pub const fn leds(&self) -> u8 {
        self.state.keyboard.leds
    }

    /// The levels that the device drives on IRQ 1 and IRQ 12.
    #[must_use]
    pub const fn interrupt_levels(&self) -> (bool, bool) {
        self.levels
    }

    /// The keyboard's interrupt line.
    pub const fn keyboard_irq(&self) -> &K {
        &self.keyboard_irq
    }

    /// The keyboard's interrupt line, to be changed: to ask an adapter for its error, for one.
    pub const fn keyboard_irq_mut(&mut self) -> &mut K {
        &mut self.keyboard_irq
    }

    /// The mouse's interrupt line.
    pub const fn mouse_irq(&self) -> &M {
        &self.mouse_irq
    }

    /// The mouse's interrupt line, to be changed.
    pub const fn mouse_irq_mut(&mut self) -> &mut M {
        &mut self.mouse_irq
    }

    /// Who is told what happens.
    pub const fn events(&self) -> &EV {
        &self.events
    }

    /// What the controller does to the machine.
    pub const fn control(&self) -> &S {
        &self.control
    }

    /// What the controller does to the machine, to be changed.
    pub const fn control_mut(&mut self) -> &mut S {
        &mut self.control
    }

    fn drive_everything(&mut self) {
        self.levels = self.state.interrupt_levels();
        self.keyboard_irq.set_level(self.levels.0);
        self.mouse_irq.set_level(self.levels.1);
        self.control.set_a20(self.state.a20());
    }

    /// Drives the lines whose levels have changed.
    #[inline]
    pub(crate) fn update_lines(&mut self) {
        let (keyboard, mouse) = self.state.interrupt_levels();
        if keyboard != self.levels.0 {
            self.levels.0 = keyboard;
            self.keyboard_irq.set_level(keyboard);
        }
        if mouse != self.levels.1 {
            self.levels.1 = mouse;
            self.mouse_irq.set_level(mouse);
        }
    }
}
