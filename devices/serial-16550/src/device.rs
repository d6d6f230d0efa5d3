//! The device: its construction and its registers.

use devstate_core::{Clock, Instant, InterruptLine, InvalidState};

use crate::config::{Config, OutputPolicy};
use crate::deadlines::{Deadline, Timers};
use crate::events::{NoEvents, SerialEvents};
use crate::modem::{self, ModemLines};
use crate::output::Output;
use crate::quick::Quick;
use crate::service::Transmit;
use crate::spec::{self, fcr, ier, iir, mcr, msr};
use crate::state::SerialState;

/// Emulates a 16550A UART.
///
/// `I` is the interrupt line, `W` the output, `EV` the event handler. None of them is part of the state, and neither is
/// the [`Config`]. The [crate's documentation](crate) says what the host must do.
#[derive(Debug)]
pub struct Serial<I, W, EV = NoEvents> {
    /// While a time-out runs, `timeout_remaining` is its whole length; `timers` says when it ends.
    pub(crate) state: SerialState,
    pub(crate) timers: Timers,
    pub(crate) config: Config,
    pub(crate) transmit: Transmit,
    pub(crate) quick: Quick,
    level: bool,
    interrupt: I,
    pub(crate) output: W,
    pub(crate) events: EV,
}

impl<I: InterruptLine, W: Output> Serial<I, W> {
    /// Creates a device after power-on, in [`SerialState::RESET`]. Its interrupt line is assumed to be low.
    #[must_use]
    pub const fn new(interrupt: I, output: W) -> Self {
        Self::with_events(interrupt, output, NoEvents)
    }
}

impl<I: InterruptLine, W: Output, EV: SerialEvents> Serial<I, W, EV> {
    /// Like [`new`](Serial::new), with an event handler.
    #[must_use]
    pub const fn with_events(interrupt: I, output: W, events: EV) -> Self {
        Self::with_config(interrupt, output, events, Config::DEFAULT)
    }

    /// Like [`with_events`](Self::with_events), with the host's policies.
    #[must_use]
    pub const fn with_config(interrupt: I, output: W, events: EV, config: Config) -> Self {
        Self::assemble(SerialState::RESET, interrupt, output, events, config)
    }

    /// Creates a device in a saved state, and drives its interrupt line to the level of that state.
    ///
    /// Characters that the old output did not take wait for [`drain_output`](Self::drain_output).
    ///
    /// # Errors
    ///
    /// [`SerialState::validate`] refuses the state.
    pub fn from_state(
        state: &SerialState,
        interrupt: I,
        output: W,
        events: EV,
        config: Config,
        now: Instant,
        clock: Clock,
    ) -> Result<Self, InvalidState> {
        state.validate()?;
        let mut device = Self::assemble(*state, interrupt, output, events, config);
        device.resume(now, clock);
        Ok(device)
    }

    const fn assemble(state: SerialState, interrupt: I, output: W, events: EV, config: Config) -> Self {
        let timers = Timers::new(&state, config.input_clock_hz);
        Self {
            quick: Quick::of(&state, config, &timers),
            timers,
            config,
            transmit: Transmit::NEW,
            state,
            level: false,
            interrupt,
            output,
            events,
        }
    }

    /// Puts the device into a saved state, and drives its interrupt line.
    ///
    /// The events report the characters of the old state that are lost, and the outputs that the guest of the new state
    /// drives.
    ///
    /// # Errors
    ///
    /// [`SerialState::validate`] refuses the state. The device is then unchanged.
    pub fn restore(&mut self, state: &SerialState, now: Instant, clock: Clock) -> Result<(), InvalidState> {
        state.validate()?;
        let before = self.outside();
        self.report_lost_characters();
        self.state = *state;
        self.timers = Timers::new(state, self.config.input_clock_hz);
        self.transmit = Transmit::NEW;
        self.report_outputs(&before);
        self.resume(now, clock);
        Ok(())
    }

    fn resume(&mut self, now: Instant, clock: Clock) {
        if self.timer_runs() {
            let elapsed = clock.elapsed_nanos(self.state.saved_at, now);
            let remaining = self.state.timeout_remaining.saturating_sub(elapsed);
            let remaining = if self.config.timer { remaining } else { 0 };
            self.state.timeout_remaining = remaining;
            self.timers.timeout_from = now;
            if remaining == 0 {
                self.events.timed_out();
            }
        }
        if self.state.tsr.is_some() && self.config.stalled_output != OutputPolicy::Keep {
            // The first access offers the new output what waits.
            self.timers.give_up = Some(Deadline::after(0, now));
        }
        self.watch(now);
        self.refresh();
        self.level = self.state.interrupt_level();
        self.interrupt.set_level(self.level);
        if self.receive_capacity() != 0 {
            self.events.receive_ready();
        }
    }

    /// Returns the device's state at the moment `now`.
    #[must_use]
    pub const fn state(&self, now: Instant) -> SerialState {
        let mut state = self.state;
        state.saved_at = now;
        let remaining = self.timeout_at().saturating_nanos_since(now);
        if remaining < state.timeout_remaining {
            state.timeout_remaining = remaining;
        }
        state
    }

    /// Performs a master reset (Table I) of registers, FIFOs and interrupts.
    ///
    /// As on the chip, the divisor latch, the scratchpad and the receiver buffer keep their values. The modem's inputs
    /// keep the levels that the host drives.
    pub fn reset(&mut self, now: Instant) {
        self.catch_up(now);
        let before = self.outside();
        self.report_lost_characters();
        self.keep_unread_character();
        self.state = SerialState {
            divisor: self.state.divisor,
            scr: self.state.scr,
            rbr: self.state.rbr,
            msr_lines: self.state.msr_lines,
            ..SerialState::RESET
        };
        self.transmit = Transmit::NEW;
        self.timers.repeat = None;
        self.timers.give_up = None;
        self.measure();
        self.watch(now);
        self.update_line();
        self.report_changes(&before);
    }

    /// Returns the host's policies.
    #[must_use]
    pub const fn config(&self) -> Config {
        self.config
    }

    /// Changes the host's policies, for example for output while no terminal is connected.
    pub fn set_config(&mut self, config: Config, now: Instant) {
        self.catch_up(now);
        let before = self.outside();
        self.config = config;
        self.refresh();
        if self.timers.repeat.take().is_some() {
            self.repeat_rise();
        }
        self.timers.give_up = None;
        self.timers.line_free = None;
        self.measure();
        if !config.timer && self.timer_runs() {
            self.stop_timeout();
            self.events.timed_out();
            self.update_line();
        }
        self.offer_again(now);
        self.watch(now);
        self.report_changes(&before);
    }

    /// Reads a register for the guest, with the side effects of the read.
    ///
    /// At any offset above 7 it returns [`OUT_OF_RANGE`](spec::OUT_OF_RANGE).
    #[inline]
    pub fn read(&mut self, offset: u16, now: Instant) -> u8 {
        // The short ways for what drivers poll and for received characters: almost every read is one of these. They are
        // short enough for being inlined.
        if offset == spec::LSR && !self.timers.may_be_due(now) {
            if self.quick.lsr & spec::lsr::ERRORS == 0 {
                self.quick.lsr
            } else {
                self.read_lsr()
            }
        } else if offset == spec::RBR && self.quick.plain_reads != 0 && !self.timers.may_be_due(now) {
            if self.state.ier & ier::RECEIVED_DATA == 0 {
                self.read_fifo(now)
            } else {
                self.read_fifo_with_interrupt(now)
            }
        } else {
            self.read_register(offset, now)
        }
    }

    /// Writes a register for the guest. Writes to LSR, to MSR and to offsets above 7 have no effect.
    #[inline]
    pub fn write(&mut self, offset: u16, value: u8, now: Instant) {
        // The short way for output: almost every write is this one.
        if offset == spec::THR && self.quick.sends_at_once && !self.timers.may_be_due(now) {
            self.write_thr_at_once(value, now);
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
        let [low, high] = self.state.divisor.to_le_bytes();
        match offset {
            spec::DLL if self.state.divisor_latch_open() => self.write_frame([value, high], self.state.lcr),
            spec::DLM if self.state.divisor_latch_open() => self.write_frame([low, value], self.state.lcr),
            spec::THR => self.write_thr(value, now),
            spec::IER => self.write_ier(value),
            spec::FCR => self.write_fcr(value),
            spec::LCR => self.write_frame([low, high], value),
            spec::MCR => self.write_mcr(value, now),
            spec::SCR => self.state.scr = value,
            _ => self.events.invalid_write(offset, value),
        }
    }

    fn read_iir(&mut self) -> u8 {
        let id = self.state.interrupt_id();
        self.transmit.interrupt_identified();
        if id == iir::THR_EMPTY {
            self.state.thre_pending = false;
            self.timers.repeat = None;
            self.update_line();
        }
        if self.state.fifo_enabled() {
            id | iir::FIFO_ENABLED
        } else {
            id
        }
    }

    /// Reads LSR. The read clears its errors.
    #[inline(never)]
    fn read_lsr(&mut self) -> u8 {
        let value = self.quick.lsr;
        if value & spec::lsr::ERRORS != 0 {
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
            self.transmit.interrupt_switched();
            self.timers.repeat = None;
            self.state.thre_pending = value & ier::THR_EMPTY != 0 && self.state.tx.is_empty();
        }
        self.update_line();
    }

    fn write_fcr(&mut self, value: u8) {
        let before = self.outside();
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
        self.report_room(&before);
    }

    fn write_mcr(&mut self, value: u8, now: Instant) {
        let before = self.outside();
        let inputs = self.state.modem_inputs();
        self.state.mcr = value & mcr::MASK;
        self.modem_inputs_changed(inputs);
        // What stalled outside goes round at once.
        if self.state.looped_back() {
            self.drain_output(now);
        }
        self.update_line();
        self.report_changes(&before);
    }

    /// A write to the line control register or to the divisor latch.
    fn write_frame(&mut self, divisor: [u8; 2], lcr: u8) {
        let before = self.outside();
        self.state.divisor = u16::from_le_bytes(divisor);
        self.state.lcr = lcr;
        self.measure();
        self.refresh();
        self.report_outputs(&before);
    }

    /// Drives the modem inputs. A change sets the delta bits, unless loopback has disconnected the wires.
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

    /// Returns the level that the device drives on its interrupt line.
    #[must_use]
    pub const fn interrupt_level(&self) -> bool {
        self.level
    }

    /// Returns the interrupt line.
    pub const fn interrupt(&self) -> &I {
        &self.interrupt
    }

    /// Returns the interrupt line, for example to take an adapter's error.
    pub const fn interrupt_mut(&mut self) -> &mut I {
        &mut self.interrupt
    }

    /// Returns the event handler.
    pub const fn events(&self) -> &EV {
        &self.events
    }

    /// Returns the output.
    pub const fn output(&self) -> &W {
        &self.output
    }

    /// Returns the output for changes. Call [`drain_output`](Self::drain_output) when the output is ready again.
    pub const fn output_mut(&mut self) -> &mut W {
        &mut self.output
    }

    /// Drops the device and returns the output. Take the [`state`](Self::state) before this call: it has the characters
    /// that the output did not take.
    pub fn into_output(self) -> W {
        self.output
    }

    /// Computes anew what follows from the state.
    #[inline]
    pub(crate) fn refresh(&mut self) {
        self.quick = Quick::of(&self.state, self.config, &self.timers);
    }

    /// Drives the line high, for a source that is pending and enabled.
    #[inline]
    pub(crate) fn raise_line(&mut self) {
        if !self.level {
            self.level = true;
            self.interrupt.set_level(true);
        }
    }

    /// Drives a high line low and high again.
    pub(crate) fn pulse_line(&mut self) {
        self.interrupt.set_level(false);
        self.interrupt.set_level(true);
    }

    /// Drives the line where its level has changed. Out of line: most accesses have nothing to drive.
    #[inline(never)]
    pub(crate) fn update_line(&mut self) {
        self.refresh();
        let level = self.state.interrupt_level();
        if level != self.level {
            self.level = level;
            self.interrupt.set_level(level);
        }
    }
}
