//! The state of a real 16550A: capture and apply.

use devstate_core::{Instant, InvalidState, RegisterIo, Unapplied};

use crate::spec::{self, fcr, ier, iir, lcr, lsr, mcr, msr};
use crate::state::SerialState;

impl SerialState {
    /// Reads the state of a real UART. `fcr` is the last value that the firmware wrote to the FIFO control register,
    /// which cannot be read.
    ///
    /// The reads change the UART. Received characters, latched errors, latched deltas and a pending THR-empty interrupt
    /// move from the chip into the state. [`apply`](Self::apply) puts them back, as far as possible. The registers keep
    /// their values.
    ///
    /// The hardware does not show:
    ///
    /// - Characters that are being sent. Wait for [`TRANSMITTER_EMPTY`](lsr::TRANSMITTER_EMPTY) first. Characters that
    ///   are still in the transmitter are sent by the chip, and are not in the state.
    /// - The trigger level and the DMA mode. They are taken from `fcr`. The chip shows whether the FIFOs are on.
    /// - The rest of the receive time-out. It starts again from the beginning, unless its interrupt is pending.
    ///
    /// To read the modem's inputs, the UART leaves loopback for a moment.
    ///
    /// ```
    /// use devstate_core::{Instant, RegisterIo};
    /// use devstate_serial_16550::{SerialState, Unapplied};
    ///
    /// # fn sleep(mut registers: impl RegisterIo<u8>, now: Instant) -> Result<(), devstate_core::InvalidState> {
    /// // The FIFOs had been turned on with a trigger level of 8.
    /// let state = SerialState::capture(&mut registers, 0x81, now);
    /// // … the UART loses its power, and gets it back …
    /// assert_eq!(state.apply(&mut registers)?, Unapplied::NONE);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn capture(registers: &mut impl RegisterIo<u8>, fcr: u8, now: Instant) -> Self {
        let mut state = Self {
            lcr: registers.read(spec::LCR),
            saved_at: now,
            ..Self::RESET
        };
        registers.write(spec::LCR, state.lcr | lcr::DLAB);
        state.divisor = u16::from_le_bytes([registers.read(spec::DLL), registers.read(spec::DLM)]);
        registers.write(spec::LCR, state.lcr & !lcr::DLAB);

        let first = registers.read(spec::IIR);
        if first & iir::FIFO_ENABLED == iir::FIFO_ENABLED {
            state.fcr = fcr & fcr::MASK | fcr::ENABLE;
        }
        state.ier = registers.read(spec::IER) & ier::MASK;
        state.mcr = registers.read(spec::MCR) & mcr::MASK;
        state.scr = registers.read(spec::SCR);
        state.take_received(registers);
        if state.timeout_applies() && interrupt_id(first) != iir::TIMEOUT {
            state.timeout_remaining = Self::timeout_nanos(state.divisor, state.lcr);
        }
        state.take_modem_inputs(registers);
        // Nothing that ranks higher hides this one any more.
        let last = registers.read(spec::IIR);
        state.thre_pending =
            state.ier & ier::THR_EMPTY != 0 && [first, last].map(interrupt_id).contains(&iir::THR_EMPTY);

        registers.write(spec::LCR, state.lcr);
        state
    }

    fn take_received(&mut self, registers: &mut impl RegisterIo<u8>) {
        let mut status = registers.read(spec::LSR);
        self.lsr_errors = status & lsr::ERRORS;
        for index in 0..usize::from(self.capacity()) {
            if status & lsr::DATA_READY == 0 {
                break;
            }
            if let Some(errors) = self.rx_errors.get_mut(index)
                && index != 0
            {
                *errors = status & lsr::CHARACTER_ERRORS;
            }
            let character = registers.read(spec::RBR);
            let character = if status & lsr::BREAK == 0 { character } else { 0 };
            let _ = self.rx.push(character);
            status = registers.read(spec::LSR);
            self.lsr_errors |= status & lsr::OVERRUN;
        }
        if !self.fifo_enabled() && self.rx.is_empty() {
            self.rbr = registers.read(spec::RBR);
        }
    }

    fn take_modem_inputs(&mut self, registers: &mut impl RegisterIo<u8>) {
        let status = registers.read(spec::MSR);
        self.msr_deltas = status & msr::DELTAS;
        self.msr_lines = status & msr::LINES;
        if self.looped_back() {
            registers.write(spec::MCR, self.mcr & !mcr::LOOP);
            self.msr_lines = registers.read(spec::MSR) & msr::LINES;
            registers.write(spec::MCR, self.mcr);
            // The deltas of leaving and entering are none of the modem's.
            registers.read(spec::MSR);
        }
    }

    /// Writes this state to a real UART with any settings, and returns the fields that could not be written.
    ///
    /// Received characters that the guest has not read go back into the FIFO through the loopback, at the highest rate.
    /// Meanwhile the UART is disconnected from its line. Characters that wait in the transmitter are sent. Interrupts
    /// are enabled last. A THR-empty interrupt that was served stays served. Each wait ends after a number of polls, so
    /// broken hardware is reported.
    ///
    /// The modem's inputs are those of the connected peer, and the receive time-out starts again from the beginning. In
    /// 16450 mode, the receiver buffer does not show the last character that the guest has read.
    ///
    /// The returned list has these fields:
    ///
    /// - `rx`: the number of received characters that did not come back through the loopback. They are the last ones.
    /// - `tx`: the number of characters that the transmitter did not take. They are the last ones.
    /// - `lsr_errors`, `msr_deltas`: latched bits that the guest has not read. No write can set them, so they are clear
    ///   in the chip.
    ///
    /// # Errors
    ///
    /// [`validate`](Self::validate) refuses the state. The hardware is unchanged.
    pub fn apply(&self, registers: &mut impl RegisterIo<u8>) -> Result<Unapplied, InvalidState> {
        self.validate()?;
        set_divisor(registers, 1);
        registers.write(spec::IER, 0);
        // Both ways through the switch empty the FIFOs (section 8.5, bit 0).
        registers.write(spec::FCR, fcr::ENABLE);
        registers.write(spec::FCR, 0);
        registers.write(spec::FCR, self.fcr);

        registers.write(spec::MCR, mcr::LOOP);
        registers.read(spec::RBR);
        let received = self.put_back_received(registers);
        set_divisor(registers, self.divisor);
        registers.write(spec::LCR, self.lcr & !lcr::DLAB);
        registers.write(spec::SCR, self.scr);
        registers.write(spec::MCR, self.mcr);
        // What the loopback did to the latches.
        registers.read(spec::LSR);
        registers.read(spec::MSR);

        let unsent = self.send_waiting(registers);
        registers.write(spec::IER, self.ier & ier::THR_EMPTY);
        if !self.thre_pending {
            registers.read(spec::IIR);
        }
        registers.write(spec::IER, self.ier);
        registers.write(spec::LCR, self.lcr);
        let errors = self
            .rx_errors
            .iter()
            .fold(self.lsr_errors, |errors, error| errors | error);
        Ok(Unapplied::NONE
            .with("rx", received)
            .with("tx", unsent)
            .with("lsr_errors", errors)
            .with("msr_deltas", self.msr_deltas))
    }

    /// Returns the number of characters that could not be put back.
    fn put_back_received(&self, registers: &mut impl RegisterIo<u8>) -> u8 {
        const THERE: u8 = lsr::TRANSMITTER_EMPTY | lsr::DATA_READY;
        let mut left = self.rx.len;
        for character in self.rx.as_slice() {
            registers.write(spec::THR, *character);
            if !wait_for(registers, THERE) {
                break;
            }
            left -= 1;
        }
        left
    }

    /// Returns the number of characters that the transmitter did not take.
    fn send_waiting(&self, registers: &mut impl RegisterIo<u8>) -> u8 {
        let Some(first) = self.tsr else { return 0 };
        registers.write(spec::THR, first);
        // The first moves on into the shift register, so the others have the whole FIFO.
        if !wait_for(registers, lsr::THR_EMPTY) {
            return self.tx.len;
        }
        for character in self.tx.as_slice() {
            registers.write(spec::THR, *character);
        }
        0
    }
}

/// A character takes 0.1 ms at the highest rate, and a poll of a fast bus some 50 ns.
const POLLS: u32 = 20_000;

/// Returns `true` if LSR shows all of the bits within the number of polls.
fn wait_for(registers: &mut impl RegisterIo<u8>, bits: u8) -> bool {
    (0..POLLS).any(|_| registers.read(spec::LSR) & bits == bits)
}

/// Leaves the latch closed and the frame at eight bits, so that every character comes round whole.
fn set_divisor(registers: &mut impl RegisterIo<u8>, divisor: u16) {
    let [low, high] = divisor.to_le_bytes();
    registers.write(spec::LCR, lcr::WORD_LENGTH | lcr::DLAB);
    registers.write(spec::DLL, low);
    registers.write(spec::DLM, high);
    registers.write(spec::LCR, lcr::WORD_LENGTH);
}

const fn interrupt_id(iir: u8) -> u8 {
    iir & !iir::FIFO_ENABLED
}
