//! The device: its life, and what each register does.

use devstate_core::{Clock, Instant, InterruptLine, InvalidState};

use crate::events::{NoEvents, SerialEvents};
use crate::line::LineParameters;
use crate::modem::{self, ModemLines, ModemOutputs};
use crate::output::Output;
use crate::spec::{self, fcr, ier, iir, lcr, mcr, msr};
use crate::state::SerialState;

/// A 16550A UART.
///
/// `I` is the interrupt line, `W` the output, `EV` is told what happens. None of them is part of the state.
///
/// Only the receive time-out depends on the time. See the [crate's documentation](crate) for the rest.
#[derive(Debug)]
pub struct Serial<I, W, EV = NoEvents> {
    /// While a time-out runs, `timeout_remaining` is its whole length; `timeout_at` says when it ends.
    pub(crate) state: SerialState,
    pub(crate) timeout_at: Instant,
    level: bool,
    interrupt: I,
    pub(crate) output: W,
    pub(crate) events: EV,
}

impl<I: InterruptLine, W: Output> Serial<I, W> {
    /// A device after power-on, in [`SerialState::RESET`]. Its interrupt line is taken to be low.
    #[must_use]
    pub const fn new(interrupt: I, output: W) -> Self {
        Self::with_events(interrupt, output, NoEvents)
    }
}

impl<I: InterruptLine, W: Output, EV: SerialEvents> Serial<I, W, EV> {
    /// The same, with someone who is told what happens.
    #[must_use]
    pub const fn with_events(interrupt: I, output: W, events: EV) -> Self {
        Self::assemble(SerialState::RESET, interrupt, output, events)
    }

    /// A device in a saved state, at the moment `now`. It drives its interrupt line to the level that the state
    /// implies. What the old output had not taken is offered to the new one by [`drain_output`](Self::drain_output).
    ///
    /// # Errors
    ///
    /// What [`SerialState::validate`] says.
    pub fn from_state(
        state: &SerialState,
        interrupt: I,
        output: W,
        events: EV,
        now: Instant,
        clock: Clock,
    ) -> Result<Self, InvalidState> {
        state.validate()?;
        let mut device = Self::assemble(*state, interrupt, output, events);
        device.resume(now, clock);
        Ok(device)
    }

    const fn assemble(state: SerialState, interrupt: I, output: W, events: EV) -> Self {
        Self {
            state,
            timeout_at: Instant::EPOCH,
            level: false,
            interrupt,
            output,
            events,
        }
    }

    /// Puts the device into a saved state, at the moment `now`, and drives its interrupt line.
    ///
    /// # Errors
    ///
    /// What [`SerialState::validate`] says; the device is then as it was.
    pub fn restore(&mut self, state: &SerialState, now: Instant, clock: Clock) -> Result<(), InvalidState> {
        state.validate()?;
        self.state = *state;
        self.resume(now, clock);
        Ok(())
    }

    fn resume(&mut self, now: Instant, clock: Clock) {
        if self.timer_runs() {
            let elapsed = clock.elapsed_nanos(self.state.saved_at, now);
            let remaining = self.state.timeout_remaining.saturating_sub(elapsed);
            self.state.timeout_remaining = remaining;
            self.timeout_at = now.saturating_add_nanos(remaining);
            if remaining == 0 {
                self.events.timed_out();
            }
        }
        self.level = self.state.interrupt_level();
        self.interrupt.set_level(self.level);
    }

    /// The device's state at the moment `now`.
    #[must_use]
    pub fn state(&self, now: Instant) -> SerialState {
        let mut state = self.state;
        state.saved_at = now;
        if self.timer_runs() {
            let remaining = self.timeout_at.saturating_nanos_since(now);
            state.timeout_remaining = remaining.min(self.state.timeout_remaining);
        }
        state
    }

    /// A master reset (Table I): registers, FIFOs and interrupts. As on the chip, the divisor latch, the scratchpad
    /// and the receiver buffer keep what they hold, and the modem's inputs are what they are.
    pub fn reset(&mut self, now: Instant) {
        self.catch_up(now);
        let unsent = self.output_pending();
        if unsent != 0 {
            self.events.transmit_discarded(unsent);
        }
        self.clear_receiver();
        self.state = SerialState {
            divisor: self.state.divisor,
            scr: self.state.scr,
            rbr: self.state.rbr,
            msr_lines: self.state.msr_lines,
            ..SerialState::RESET
        };
        self.update_line();
    }

    /// Tells the device that time went by. Needed at [`next_deadline`](Self::next_deadline), harmless at any moment.
    pub fn advance(&mut self, now: Instant) {
        self.catch_up(now);
    }

    /// Returns when to call [`advance`](Self::advance) next: at the end of the receive time-out. Every access may change
    /// it.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        if self.timer_runs() { Some(self.timeout_at) } else { None }
    }

    /// A guest's read of a register, with all the side effects it has. Outside of offsets 0 to 7 it gives
    /// [`OUT_OF_RANGE`](spec::OUT_OF_RANGE).
    #[inline]
    pub fn read(&mut self, offset: u16, now: Instant) -> u8 {
        // The short way for what drivers poll: almost every read is this one.
        if offset == spec::LSR && !self.timer_has_news(now) {
            self.read_lsr()
        } else {
            self.read_register(offset, now)
        }
    }

    /// A guest's write to a register. Outside of offsets 0 to 7, and to LSR and MSR, nothing happens.
    #[inline]
    pub fn write(&mut self, offset: u16, value: u8, now: Instant) {
        // The short way for output: almost every write is this one.
        if offset == spec::THR && !self.state.divisor_latch_open() && !self.timer_has_news(now) {
            self.write_thr(value, now);
        } else {
            self.write_register(offset, value, now);
        }
    }

    #[inline(never)]
    fn read_register(&mut self, offset: u16, now: Instant) -> u8 {
        self.catch_up(now);
        match offset {
            spec::DLL if self.state.divisor_latch_open() => self.state.divisor.to_le_bytes()[0],
            spec::DLM if self.state.divisor_latch_open() => self.state.divisor.to_le_bytes()[1],
            spec::RBR => self.read_rbr(now),
            spec::IER => self.state.ier,
            spec::IIR => self.read_iir(),
            spec::LCR => self.state.lcr,
            spec::MCR => self.state.mcr,
            spec::LSR => self.read_lsr(),
            spec::MSR => self.read_msr(),
            spec::SCR => self.state.scr,
            _ => {
                self.events.invalid_read(offset);
                spec::OUT_OF_RANGE
            }
        }
    }

    #[inline(never)]
    fn write_register(&mut self, offset: u16, value: u8, now: Instant) {
        self.catch_up(now);
        match offset {
            spec::DLL if self.state.divisor_latch_open() => {
                self.state.divisor = u16::from_le_bytes([value, self.state.divisor.to_le_bytes()[1]]);
            }
            spec::DLM if self.state.divisor_latch_open() => {
                self.state.divisor = u16::from_le_bytes([self.state.divisor.to_le_bytes()[0], value]);
            }
            spec::THR => self.write_thr(value, now),
            spec::IER => self.write_ier(value),
            spec::FCR => self.write_fcr(value),
            spec::LCR => self.state.lcr = value,
            spec::MCR => self.write_mcr(value, now),
            spec::SCR => self.state.scr = value,
            _ => self.events.invalid_write(offset, value),
        }
    }

    fn read_iir(&mut self) -> u8 {
        let id = self.state.interrupt_id();
        if id == iir::THR_EMPTY {
            self.state.thre_pending = false;
            self.update_line();
        }
        if self.state.fifo_enabled() {
            id | iir::FIFO_ENABLED
        } else {
            id
        }
    }

    #[inline]
    fn read_lsr(&mut self) -> u8 {
        let value = self.state.lsr();
        if self.state.lsr_errors != 0 {
            self.state.lsr_errors = 0;
            self.update_line();
        }
        value
    }

    fn read_msr(&mut self) -> u8 {
        let value = self.state.modem_inputs() | self.state.msr_deltas;
        if self.state.msr_deltas != 0 {
            self.state.msr_deltas = 0;
            self.update_line();
        }
        value
    }

    /// Enabling the THR-empty interrupt while THR is empty raises it, even where reading IIR had cleared it; drivers
    /// rely on that. Writing the same value again does not.
    fn write_ier(&mut self, value: u8) {
        let value = value & ier::MASK;
        let changed = self.state.ier ^ value;
        self.state.ier = value;
        if changed & ier::THR_EMPTY != 0 {
            self.state.thre_pending = value & ier::THR_EMPTY != 0 && self.state.tx.is_empty();
        }
        self.update_line();
    }

    fn write_fcr(&mut self, value: u8) {
        let enable = value & fcr::ENABLE != 0;
        let toggled = enable != self.state.fifo_enabled();
        if toggled || (enable && value & fcr::CLEAR_RECEIVER != 0) {
            self.clear_receiver();
        }
        if toggled || (enable && value & fcr::CLEAR_TRANSMITTER != 0) {
            self.clear_transmitter();
        }
        self.state.fcr = if enable { value & fcr::MASK } else { 0 };
        self.update_line();
    }

    fn write_mcr(&mut self, value: u8, now: Instant) {
        let before = self.state.modem_inputs();
        self.state.mcr = value & mcr::MASK;
        self.modem_inputs_changed(before);
        // What stalled outside goes round at once.
        if self.state.looped_back() {
            self.drain_output(now);
        }
        self.update_line();
    }

    /// The host drives the modem inputs. A change sets the delta bits, unless loopback has disconnected the wires.
    pub fn set_modem_lines(&mut self, lines: ModemLines, now: Instant) {
        self.catch_up(now);
        let before = self.state.modem_inputs();
        self.state.msr_lines = lines.msr_bits();
        self.modem_inputs_changed(before);
        self.update_line();
    }

    fn modem_inputs_changed(&mut self, before: u8) {
        self.state.msr_deltas |= modem::deltas(before, self.state.modem_inputs()) & msr::DELTAS;
    }

    /// What the guest drives on the modem's outputs.
    #[must_use]
    pub const fn modem_outputs(&self) -> ModemOutputs {
        ModemOutputs::from_mcr(self.state.mcr)
    }

    /// The frame and speed that the guest programmed.
    #[must_use]
    pub const fn line_parameters(&self) -> LineParameters {
        self.state.line_parameters()
    }

    /// Whether the guest holds the output at space (section 8.1, bit 6). In loopback the output is at mark.
    #[must_use]
    pub const fn break_output(&self) -> bool {
        self.state.lcr & lcr::BREAK != 0 && !self.state.looped_back()
    }

    /// The level that the device drives on its interrupt line.
    #[must_use]
    pub const fn interrupt_level(&self) -> bool {
        self.level
    }

    /// The interrupt line.
    pub const fn interrupt(&self) -> &I {
        &self.interrupt
    }

    /// The interrupt line, to be changed: to ask an adapter for its error, for one.
    pub const fn interrupt_mut(&mut self) -> &mut I {
        &mut self.interrupt
    }

    /// Who is told what happens.
    pub const fn events(&self) -> &EV {
        &self.events
    }

    /// The output.
    pub const fn output(&self) -> &W {
        &self.output
    }

    /// The output, to be changed. After making it ready again, call [`drain_output`](Self::drain_output).
    pub const fn output_mut(&mut self) -> &mut W {
        &mut self.output
    }

    /// Ends the device and gives the output back. What it had not taken is in [`state`](Self::state), to be asked before.
    pub fn into_output(self) -> W {
        self.output
    }

    #[inline]
    pub(crate) fn catch_up(&mut self, now: Instant) {
        if self.timer_has_news(now) {
            self.run_timer(now);
        }
    }

    /// Whether the time-out runs, and either is over or ends later than it can: the clock was set back.
    #[inline]
    const fn timer_has_news(&self, now: Instant) -> bool {
        let duration = self.state.timeout_remaining;
        duration != 0
            && (now.as_nanos() >= self.timeout_at.as_nanos() || self.timeout_at.saturating_nanos_since(now) > duration)
    }

    #[cold]
    fn run_timer(&mut self, now: Instant) {
        let duration = self.state.timeout_remaining;
        if now >= self.timeout_at {
            self.state.timeout_remaining = 0;
            self.events.timed_out();
            self.update_line();
        } else if self.timeout_at.saturating_nanos_since(now) > duration {
            // The clock was set back: wait no longer than a time-out lasts.
            self.timeout_at = now.saturating_add_nanos(duration);
        }
    }

    /// Drives the line high, for a source that is pending and enabled.
    #[inline]
    pub(crate) fn raise_line(&mut self) {
        if !self.level {
            self.level = true;
            self.interrupt.set_level(true);
        }
    }

    /// Drives the line where its level has changed. Out of line: most accesses have nothing to drive.
    #[inline(never)]
    pub(crate) fn update_line(&mut self) {
        let level = self.state.interrupt_level();
        if level != self.level {
            self.level = level;
            self.interrupt.set_level(level);
        }
    }
}
