//! The mirror, and the conversions between it and the state.

use devstate_serial_16550::{Fifo, Instant, InvalidState, SerialState, spec};
use devstate_versioning::Versioned;
use heapless::Vec;

use crate::history;

/// The wire form of [`SerialState`], with every field of every version.
///
/// Version 1 has the fields that vm-superio-ser 0.4 saves: the registers as a guest reads them, and the unread
/// characters. Version 2 has the whole state: it adds `fifo_control` and the fields after it. It replaces the two
/// derived registers of version 1 (interrupt identification and line status) by the values that they are derived from.
#[derive(Versioned, Clone, Debug, PartialEq, Eq)]
#[versioned(version = 2, layouts(0xd98d_4789_0fec_7d23, 0xd9a0_af90_4255_8045))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SerialStateSer {
    /// Divisor latch, low byte.
    pub baud_divisor_low: u8,
    /// Divisor latch, high byte.
    pub baud_divisor_high: u8,
    /// Interrupt enable register.
    pub interrupt_enable: u8,
    /// Interrupt identification register, as vm-superio keeps it: without the FIFO bits, and with the bits of several
    /// sources at once.
    #[versioned(end = 2, ser_fn = history::iir_of_version_1, de_fn = history::pending_from_iir)]
    pub interrupt_identification: u8,
    /// Line control register.
    pub line_control: u8,
    /// Line status register.
    #[versioned(end = 2, ser_fn = history::lsr_of_version_1, de_fn = history::errors_from_lsr)]
    pub line_status: u8,
    /// Modem control register. In version 1 it can have bits that a guest wrote and that no 16550A has.
    #[versioned(at = 2, de_fn = history::drop_bits_that_do_not_exist)]
    pub modem_control: u8,
    /// Modem status register: the levels of the outside lines, even in loopback, and the deltas. Version 1 is written
    /// without deltas, because its device never clears a delta.
    #[versioned(at = 2, ser_fn = history::drop_deltas)]
    pub modem_status: u8,
    /// Scratchpad register.
    pub scratch: u8,
    /// Characters received and not yet read, oldest first. The chip holds 16 at most. If a larger model wrote the
    /// state, [`take_backlog`](Self::take_backlog) returns the others.
    pub in_buffer: Vec<u8, 64>,
    /// FIFO control register. In version 1 the FIFOs are always on, and each character raises an interrupt.
    #[versioned(start = 2, default_fn = history::fifos_on)]
    pub fifo_control: u8,
    /// The character that an empty receiver buffer shows in 16450 mode.
    #[versioned(start = 2, ignorable)]
    pub receiver_buffer: u8,
    /// The errors latched in the line status register, bits 1 to 4.
    #[versioned(start = 2)]
    pub line_errors: u8,
    /// The characters of `in_buffer` with a parity error, bit 0 for the first. The errors of the first are in
    /// `line_errors`.
    #[versioned(start = 2)]
    pub parity_errors: u16,
    /// The characters of `in_buffer` with a framing error.
    #[versioned(start = 2)]
    pub framing_errors: u16,
    /// The characters of `in_buffer` that are breaks.
    #[versioned(start = 2)]
    pub breaks: u16,
    /// Nanoseconds until the receive time-out. 0 if it has become due, or if the FIFO is empty. Version 1 does not have
    /// it: after loading, the time-out starts from the beginning.
    #[versioned(start = 2, ignorable, de_fn = history::begin_timeout, unit = "ns")]
    pub timeout_remaining: u64,
    /// The transmitter's interrupt is pending.
    #[versioned(start = 2)]
    pub thr_interrupt_pending: bool,
    /// The moment of the save, in nanoseconds since the host's epoch.
    #[versioned(start = 2, ignorable, unit = "ns")]
    pub saved_at: u64,
    /// The character in the transmit shift register, which the output has not taken.
    #[versioned(start = 2)]
    pub transmit_shift: Option<u8>,
    /// Characters that wait for the shift register, oldest first.
    #[versioned(start = 2)]
    pub transmit_buffer: Vec<u8, 16>,
}

impl SerialStateSer {
    /// Creates the mirror of a device's state.
    ///
    /// ```
    /// use devstate_serial_16550::SerialState;
    /// use devstate_serial_16550_ser::SerialStateSer;
    ///
    /// let mirror = SerialStateSer::new(&SerialState::RESET);
    /// assert_eq!(SerialState::try_from(&mirror), Ok(SerialState::RESET));
    /// ```
    #[must_use]
    pub fn new(state: &SerialState) -> Self {
        let SerialState {
            divisor,
            ier,
            fcr,
            lcr,
            mcr,
            scr,
            rbr,
            rx,
            rx_errors,
            lsr_errors,
            timeout_remaining,
            tx,
            tsr,
            thre_pending,
            msr_lines,
            msr_deltas,
            saved_at,
        } = state;
        let [baud_divisor_low, baud_divisor_high] = divisor.to_le_bytes();
        Self {
            baud_divisor_low,
            baud_divisor_high,
            interrupt_enable: *ier,
            interrupt_identification: 0,
            line_control: *lcr,
            line_status: 0,
            modem_control: *mcr,
            modem_status: msr_lines | msr_deltas,
            scratch: *scr,
            in_buffer: characters(rx),
            fifo_control: *fcr,
            receiver_buffer: *rbr,
            line_errors: *lsr_errors,
            parity_errors: positions_with(rx_errors, spec::lsr::PARITY),
            framing_errors: positions_with(rx_errors, spec::lsr::FRAMING),
            breaks: positions_with(rx_errors, spec::lsr::BREAK),
            timeout_remaining: *timeout_remaining,
            thr_interrupt_pending: *thre_pending,
            saved_at: saved_at.as_nanos(),
            transmit_shift: *tsr,
            transmit_buffer: characters(tx),
        }
    }

    /// Removes and returns the received characters that a 16550A has no room for. It keeps the first 16, or only the
    /// first if the FIFOs are off. Offer the others to `Serial::receive` when the guest has read some.
    ///
    /// There are such characters if a model with a larger buffer wrote the state, such as vm-superio with 64.
    #[must_use = "these characters have not been received yet"]
    pub fn take_backlog(&mut self) -> Vec<u8, 64> {
        let beyond = self.in_buffer.get(self.capacity()..).unwrap_or_default();
        let backlog = Vec::from_slice(beyond).unwrap_or_default();
        self.in_buffer.truncate(self.capacity());
        backlog
    }

    fn capacity(&self) -> usize {
        if self.fifo_control & spec::fcr::ENABLE == 0 {
            1
        } else {
            spec::FIFO_LEN
        }
    }
}

impl Default for SerialStateSer {
    /// Returns the mirror of [`SerialState::RESET`].
    fn default() -> Self {
        Self::new(&SerialState::RESET)
    }
}

impl From<&SerialState> for SerialStateSer {
    fn from(state: &SerialState) -> Self {
        Self::new(state)
    }
}

impl TryFrom<&SerialStateSer> for SerialState {
    type Error = InvalidState;

    /// Converts a mirror to a state, and validates the state.
    ///
    /// # Errors
    ///
    /// - `in_buffer` has more characters than the receiver holds: see [`take_backlog`](SerialStateSer::take_backlog).
    /// - [`SerialState::validate`] refuses the state.
    fn try_from(mirror: &SerialStateSer) -> Result<Self, InvalidState> {
        let SerialStateSer {
            baud_divisor_low,
            baud_divisor_high,
            interrupt_enable,
            interrupt_identification: _,
            line_control,
            line_status: _,
            modem_control,
            modem_status,
            scratch,
            in_buffer,
            fifo_control,
            receiver_buffer,
            line_errors,
            parity_errors,
            framing_errors,
            breaks,
            timeout_remaining,
            thr_interrupt_pending,
            saved_at,
            transmit_shift,
            transmit_buffer,
        } = mirror;
        if in_buffer.len() > mirror.capacity() {
            let reason = "more characters than the receiver holds; `take_backlog` hands the rest back";
            return Err(InvalidState::new("in_buffer", in_buffer.len() as u64, reason));
        }
        let state = Self {
            divisor: u16::from_le_bytes([*baud_divisor_low, *baud_divisor_high]),
            ier: *interrupt_enable,
            fcr: *fifo_control,
            lcr: *line_control,
            mcr: *modem_control,
            scr: *scratch,
            rbr: *receiver_buffer,
            rx: fifo(in_buffer),
            rx_errors: errors_at(*parity_errors, *framing_errors, *breaks),
            lsr_errors: *line_errors,
            timeout_remaining: *timeout_remaining,
            tx: fifo(transmit_buffer),
            tsr: *transmit_shift,
            thre_pending: *thr_interrupt_pending,
            msr_lines: modem_status & spec::msr::LINES,
            msr_deltas: modem_status & spec::msr::DELTAS,
            saved_at: Instant::from_nanos(*saved_at),
        };
        state.validate()?;
        Ok(state)
    }
}

/// Characters with errors are rare.
fn errors_at(parity: u16, framing: u16, breaks: u16) -> [u8; spec::FIFO_LEN] {
    if parity | framing | breaks == 0 {
        return [0; spec::FIFO_LEN];
    }
    core::array::from_fn(|index| {
        let at = |positions: u16, error: u8| if positions >> index & 1 == 0 { 0 } else { error };
        at(parity, spec::lsr::PARITY) | at(framing, spec::lsr::FRAMING) | at(breaks, spec::lsr::BREAK)
    })
}

fn positions_with(errors: &[u8; spec::FIFO_LEN], error: u8) -> u16 {
    if *errors == [0; spec::FIFO_LEN] {
        return 0;
    }
    let set = errors.iter().map(|errors| u16::from(errors & error != 0));
    set.rev().fold(0, |positions, bit| positions << 1 | bit)
}

/// The length was checked against the capacity.
fn fifo(characters: &[u8]) -> Fifo {
    Fifo::from_slice(characters).unwrap_or_default()
}

/// Copies the whole array and cuts it off: a copy of fixed length takes less than a call that copies a part.
fn characters<const N: usize>(fifo: &Fifo) -> Vec<u8, N> {
    if fifo.is_empty() {
        return Vec::new();
    }
    let mut characters = Vec::from_array(fifo.bytes);
    characters.truncate(fifo.len.into());
    characters
}
