//! The modem's wires: four inputs, four outputs.

use crate::spec::{mcr, msr};

/// The four inputs of the modem status register. `true` means that the wire is active.
///
/// ```
/// use devstate_serial_16550::ModemLines;
///
/// assert_eq!(ModemLines::CONNECTED.msr_bits(), 0xb0);
/// assert_eq!(ModemLines::from_msr(0xb0), ModemLines::CONNECTED);
/// ```
#[expect(clippy::struct_excessive_bools, reason = "four independent wires")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ModemLines {
    /// Clear to send.
    pub cts: bool,
    /// Data set ready.
    pub dsr: bool,
    /// Ring indicator.
    pub ri: bool,
    /// Data carrier detect.
    pub dcd: bool,
}

impl ModemLines {
    /// The inputs of a peer that is connected and ready. A new device starts with them.
    pub const CONNECTED: Self = Self {
        cts: true,
        dsr: true,
        ri: false,
        dcd: true,
    };

    /// No peer is connected.
    pub const DISCONNECTED: Self = Self {
        cts: false,
        dsr: false,
        ri: false,
        dcd: false,
    };

    /// Returns the lines as bits 4 to 7 of the modem status register.
    #[must_use]
    pub const fn msr_bits(self) -> u8 {
        bit(self.cts, msr::CTS) | bit(self.dsr, msr::DSR) | bit(self.ri, msr::RI) | bit(self.dcd, msr::DCD)
    }

    /// Creates the lines from a value of the modem status register.
    #[must_use]
    pub const fn from_msr(value: u8) -> Self {
        Self {
            cts: value & msr::CTS != 0,
            dsr: value & msr::DSR != 0,
            ri: value & msr::RI != 0,
            dcd: value & msr::DCD != 0,
        }
    }
}

/// The four outputs that the guest drives through the modem control register. All are inactive in loopback (section 8.8).
///
/// In the chip, OUT2 does not gate the interrupt. In a PC, wires outside the chip do this. A host that models a PC
/// gates its [`InterruptLine`](devstate_core::InterruptLine) with `out2`.
#[expect(clippy::struct_excessive_bools, reason = "four independent wires")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ModemOutputs {
    /// Data terminal ready.
    pub dtr: bool,
    /// Request to send.
    pub rts: bool,
    /// Auxiliary output 1.
    pub out1: bool,
    /// Auxiliary output 2.
    pub out2: bool,
}

impl ModemOutputs {
    pub(crate) const fn from_mcr(value: u8) -> Self {
        let connected = value & mcr::LOOP == 0;
        Self {
            dtr: connected && value & mcr::DTR != 0,
            rts: connected && value & mcr::RTS != 0,
            out1: connected && value & mcr::OUT1 != 0,
            out2: connected && value & mcr::OUT2 != 0,
        }
    }
}

/// The inputs that loopback makes of the outputs (section 8.8).
pub(crate) const fn looped_back(mcr: u8) -> u8 {
    bit(mcr & mcr::RTS != 0, msr::CTS)
        | bit(mcr & mcr::DTR != 0, msr::DSR)
        | bit(mcr & mcr::OUT1 != 0, msr::RI)
        | bit(mcr & mcr::OUT2 != 0, msr::DCD)
}

/// The delta bits that a change of the inputs sets (section 8.9).
pub(crate) const fn deltas(before: u8, after: u8) -> u8 {
    let changed = before ^ after;
    let toggled = (changed & (msr::CTS | msr::DSR | msr::DCD)) >> 4;
    toggled | bit(before & !after & msr::RI != 0, msr::TRAILING_EDGE_RI)
}

const fn bit(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}
