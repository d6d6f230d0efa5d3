//! The state of a UART at one moment.

use devstate_core::{ByteQueue, Instant, InvalidState};

use crate::line;
use crate::modem::{self, ModemLines};
use crate::spec::{FIFO_LEN, INITIAL_DIVISOR, INPUT_CLOCK_HZ, fcr, ier, lcr, lsr, mcr, msr};

/// The characters of one direction, oldest first. In 16450 mode there is at most one, as in the chip's register.
pub type Fifo = ByteQueue<FIFO_LEN>;

/// The state of a 16550A: registers, FIFOs, latches and the running time-out.
///
/// It holds only primary values. The interrupt identification, the line status except its latched errors, the modem inputs
/// in loopback and the level of the interrupt line follow from them.
///
/// ```
/// use devstate_serial_16550::SerialState;
///
/// let mut state = SerialState::RESET;
/// assert_eq!(state.validate(), Ok(()));
/// state.ier = 0x10;
/// let error = state.validate().unwrap_err();
/// assert_eq!(error.to_string(), "invalid state: ier is 16: bits 4 to 7 are always 0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SerialState {
    /// The divisor latch, both bytes (section 8.3). Any value.
    pub divisor: u16,
    /// Interrupt enable register (section 8.7). Bits 0 to 3.
    pub ier: u8,
    /// The bits of the FIFO control register that are kept (section 8.5): enable, DMA mode, trigger. 0 while the FIFOs are
    /// off.
    pub fcr: u8,
    /// Line control register (section 8.1). Any value.
    pub lcr: u8,
    /// Modem control register (section 8.8). Bits 0 to 4.
    pub mcr: u8,
    /// Scratchpad register (section 8.10). Any value.
    pub scr: u8,
    /// The last character, which the receiver buffer shows in 16450 mode while `rx` is empty.
    pub rbr: u8,
    /// Characters received and not yet read. At most one in 16450 mode.
    pub rx: Fifo,
    /// Parity, framing and break errors of the characters in `rx`, index for index, as bits of LSR. 0 for the first
    /// character: its errors are in `lsr_errors`.
    pub rx_errors: [u8; FIFO_LEN],
    /// The errors in the line status register, bits 1 to 4, latched until LSR is read (section 8.4).
    pub lsr_errors: u8,
    /// Nanoseconds from [`saved_at`](Self::saved_at) to the end of the receive time-out (section 8.11). The time-out
    /// runs while characters are in the receive FIFO. 0 if it has ended or does not run. This is a plain number, as in
    /// the wire form, because a `Duration` would need a division for every character.
    pub timeout_remaining: u64,
    /// Characters that wait for the shift register: the transmit FIFO, or in 16450 mode the holding register.
    pub tx: Fifo,
    /// The transmit shift register: the character that the output has not taken yet.
    pub tsr: Option<u8>,
    /// The THR-empty interrupt is pending: the transmitter became empty, or the interrupt was enabled while it was
    /// empty, and the guest has not served it since. It can be `true` only while the interrupt is enabled (section
    /// 8.6).
    pub thre_pending: bool,
    /// The modem inputs that the host drives, as bits 4 to 7 of MSR (section 8.9).
    pub msr_lines: u8,
    /// The delta bits of the modem status register, bits 0 to 3, latched until MSR is read (section 8.9).
    pub msr_deltas: u8,
    /// When the state was saved.
    pub saved_at: Instant,
}

impl SerialState {
    /// The state after power-on (Table I) with a connected peer: CTS, DSR and DCD are active.
    pub const RESET: Self = Self {
        divisor: INITIAL_DIVISOR,
        ier: ier::RESET,
        fcr: fcr::RESET,
        lcr: lcr::RESET,
        mcr: mcr::RESET,
        scr: 0,
        rbr: 0,
        rx: Fifo::EMPTY,
        rx_errors: [0; FIFO_LEN],
        lsr_errors: 0,
        timeout_remaining: 0,
        tx: Fifo::EMPTY,
        tsr: None,
        thre_pending: false,
        msr_lines: ModemLines::CONNECTED.msr_bits(),
        msr_deltas: msr::RESET_DELTAS,
        saved_at: Instant::EPOCH,
    };

    /// The longest receive time-out in nanoseconds: four characters of 12 bits at a PC's largest divisor.
    pub const MAX_TIMEOUT_NANOS: u64 = Self::timeout_nanos(0, lcr::WORD_LENGTH | lcr::STOP_BITS | lcr::PARITY_ENABLE);

    /// Returns the length of the receive time-out in nanoseconds (section 8.11), for a divisor, a value of the line
    /// control register, and a PC's crystal.
    #[must_use]
    pub const fn timeout_nanos(divisor: u16, lcr: u8) -> u64 {
        line::characters_nanos(4, divisor, lcr, INPUT_CLOCK_HZ)
    }

    /// Checks that a device can be in this state.
    ///
    /// # Errors
    ///
    /// The first field with an impossible value. The value may be impossible by itself, or together with the other
    /// fields.
    pub fn validate(&self) -> Result<(), InvalidState> {
        self.validate_registers()?;
        self.validate_receiver()?;
        self.validate_transmitter()
    }

    fn validate_registers(&self) -> Result<(), InvalidState> {
        only_bits("ier", self.ier, ier::MASK, "bits 4 to 7 are always 0")?;
        only_bits("fcr", self.fcr, fcr::MASK, "bits 1, 2, 4 and 5 are not stored")?;
        if self.fcr != 0 && !self.fifo_enabled() {
            let reason = "0 while the FIFOs are off";
            return Err(InvalidState::new("fcr", self.fcr.into(), reason));
        }
        only_bits("mcr", self.mcr, mcr::MASK, "bits 5 to 7 are always 0")?;
        only_bits(
            "lsr_errors",
            self.lsr_errors,
            lsr::ERRORS,
            "only the errors, bits 1 to 4",
        )?;
        only_bits("msr_lines", self.msr_lines, msr::LINES, "only the inputs, bits 4 to 7")?;
        only_bits(
            "msr_deltas",
            self.msr_deltas,
            msr::DELTAS,
            "only the deltas, bits 0 to 3",
        )
    }

    fn validate_receiver(&self) -> Result<(), InvalidState> {
        self.rx.validate(self.capacity(), "rx.len", "rx.bytes")?;
        if self.has_hidden_errors() {
            self.validate_hidden_errors()?;
        }
        let longest = if self.timeout_applies() {
            Self::MAX_TIMEOUT_NANOS
        } else {
            0
        };
        if self.timeout_remaining > longest {
            let reason = "at most 4 characters at the slowest rate, and 0 unless characters are in the receive FIFO";
            return Err(InvalidState::new("timeout_remaining", self.timeout_remaining, reason));
        }
        Ok(())
    }

    /// Only where there are some, which is rare.
    #[cold]
    fn validate_hidden_errors(&self) -> Result<(), InvalidState> {
        for (index, (errors, byte)) in (0u16..).zip(self.rx_errors.iter().zip(self.rx.bytes)) {
            let invalid = |reason| Err(InvalidState::new("rx_errors", (*errors).into(), reason).at(index));
            if errors & !lsr::CHARACTER_ERRORS != 0 {
                return invalid("only parity, framing and break, bits 2 to 4");
            }
            if *errors != 0 && index == 0 {
                return invalid("the errors of the first character are in `lsr_errors`");
            }
            if *errors != 0 && index >= self.rx.len.into() {
                return invalid("`rx` does not have this character");
            }
            if errors & lsr::BREAK != 0 && byte != 0 {
                return invalid("a break's character is 0");
            }
        }
        Ok(())
    }

    fn validate_transmitter(&self) -> Result<(), InvalidState> {
        self.tx.validate(self.capacity(), "tx.len", "tx.bytes")?;
        if !self.tx.is_empty() && self.tsr.is_none() {
            let reason = "nothing waits while the shift register is empty";
            return Err(InvalidState::new("tx.len", self.tx.len.into(), reason));
        }
        if let Some(character) = self.tsr
            && self.looped_back()
        {
            let reason = "nothing is stalled in loopback";
            return Err(InvalidState::new("tsr", character.into(), reason));
        }
        if self.thre_pending && !(self.tx.is_empty() && self.ier & ier::THR_EMPTY != 0) {
            let reason = "only while THR is empty and its interrupt enabled";
            return Err(InvalidState::new("thre_pending", 1, reason));
        }
        Ok(())
    }
}

impl Default for SerialState {
    /// Returns [`SerialState::RESET`].
    fn default() -> Self {
        Self::RESET
    }
}

/// What follows from the state.
impl SerialState {
    #[inline]
    pub(crate) const fn fifo_enabled(&self) -> bool {
        self.fcr & fcr::ENABLE != 0
    }

    #[inline]
    pub(crate) const fn looped_back(&self) -> bool {
        self.mcr & mcr::LOOP != 0
    }

    #[inline]
    pub(crate) const fn divisor_latch_open(&self) -> bool {
        self.lcr & lcr::DLAB != 0
    }

    /// The number of characters that each direction holds in this mode.
    #[inline]
    pub(crate) const fn capacity(&self) -> u8 {
        if self.fifo_enabled() { FIFO_LEN as u8 } else { 1 }
    }

    /// The number of received characters that make the received-data interrupt (section 8.5, bits 6 and 7).
    #[inline]
    pub(crate) const fn trigger_level(&self) -> u8 {
        match (self.fcr & fcr::TRIGGER) >> 6 {
            0 => 1,
            1 => 4,
            2 => 8,
            _ => 14,
        }
    }

    /// The time-out runs or has fallen due.
    #[inline]
    pub(crate) const fn timeout_applies(&self) -> bool {
        self.fifo_enabled() && !self.rx.is_empty()
    }

    /// The time-out has fallen due and not been served.
    #[inline]
    pub(crate) const fn timed_out(&self) -> bool {
        self.timeout_applies() && self.timeout_remaining == 0
    }

    /// The output is held at space (section 8.1, bit 6); in loopback it is at mark.
    pub(crate) const fn break_output(&self) -> bool {
        self.lcr & lcr::BREAK != 0 && !self.looped_back()
    }

    /// Data bits in a character (section 8.1, bits 0 and 1).
    pub(crate) const fn data_bits(lcr: u8) -> u8 {
        5 + (lcr & lcr::WORD_LENGTH)
    }

    /// The line status register (section 8.4).
    #[inline]
    pub(crate) const fn lsr(&self) -> u8 {
        let mut value = self.lsr_errors;
        if !self.rx.is_empty() {
            value |= lsr::DATA_READY;
        }
        if self.tx.is_empty() {
            value |= lsr::THR_EMPTY;
        }
        if self.tsr.is_none() {
            value |= lsr::TRANSMITTER_EMPTY;
        }
        if value & (lsr::ERRORS | lsr::DATA_READY) != 0 && self.fifo_enabled() && self.errors_in_fifo() {
            value |= lsr::FIFO_ERROR;
        }
        value
    }

    /// The revealed character's errors count until LSR is read, also when the character has been (section 8.4, bit 7).
    #[inline]
    const fn errors_in_fifo(&self) -> bool {
        self.lsr_errors & lsr::CHARACTER_ERRORS != 0 || self.has_hidden_errors()
    }

    /// Characters behind the first have errors.
    #[inline]
    pub(crate) const fn has_hidden_errors(&self) -> bool {
        u128::from_le_bytes(self.rx_errors) != 0
    }

    /// The modem inputs as the chip sees them: the wires, or in loopback its own outputs (section 8.8).
    #[inline]
    pub(crate) const fn modem_inputs(&self) -> u8 {
        if self.looped_back() {
            modem::looped_back(self.mcr)
        } else {
            self.msr_lines
        }
    }
}

fn only_bits(field: &'static str, value: u8, allowed: u8, reason: &'static str) -> Result<(), InvalidState> {
    if value & !allowed == 0 {
        Ok(())
    } else {
        Err(InvalidState::new(field, value.into(), reason))
    }
}
