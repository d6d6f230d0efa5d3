//! A mirror with fewer fields than upstream's state: this product's console is always in FIFO mode, and drains its output
//! before it is saved.

use devstate_core::InvalidState;
use devstate_serial_16550::{Fifo, SerialState};
use devstate_versioning::Versioned;
use heapless::Vec;

/// What this product keeps of a UART.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x90d9_4246_de2b_c9ec))]
pub struct ConsoleSer {
    pub divisor: u16,
    pub ier: u8,
    pub lcr: u8,
    pub mcr: u8,
    pub rx: Vec<u8, 16>,
}

/// Why a state cannot be kept as a [`ConsoleSer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAConsole(pub &'static str);

impl TryFrom<&SerialState> for ConsoleSer {
    type Error = NotAConsole;

    fn try_from(state: &SerialState) -> Result<Self, NotAConsole> {
        // Without `..`: a field that upstream adds does not compile here until someone has decided about it.
        let SerialState {
            divisor,
            ier,
            fcr,
            lcr,
            mcr,
            scr: _,
            rbr: _,
            rx,
            rx_errors,
            lsr_errors: _,
            timeout_remaining: _,
            tx,
            tsr,
            thre_pending: _,
            msr_lines: _,
            msr_deltas: _,
            saved_at: _,
        } = state;
        if fcr & 1 == 0 {
            return Err(NotAConsole("not in FIFO mode"));
        }
        if tx.len > 0 || tsr.is_some() {
            return Err(NotAConsole("output that has not been drained"));
        }
        if rx_errors.iter().any(|errors| *errors != 0) {
            return Err(NotAConsole("a character with an error"));
        }
        Ok(Self {
            divisor: *divisor,
            ier: *ier,
            lcr: *lcr,
            mcr: *mcr,
            rx: rx.as_slice().iter().copied().collect(),
        })
    }
}

impl TryFrom<&ConsoleSer> for SerialState {
    type Error = InvalidState;

    fn try_from(console: &ConsoleSer) -> Result<Self, InvalidState> {
        let ConsoleSer {
            divisor,
            ier,
            lcr,
            mcr,
            rx,
        } = console;
        let mut received = Fifo {
            len: rx.len() as u8,
            ..Fifo::default()
        };
        for (byte, value) in received.bytes.iter_mut().zip(rx) {
            *byte = *value;
        }
        let state = SerialState {
            divisor: *divisor,
            ier: *ier,
            fcr: 1,
            lcr: *lcr,
            mcr: *mcr,
            rx: received,
            ..SerialState::RESET
        };
        state.validate()?;
        Ok(state)
    }
}
