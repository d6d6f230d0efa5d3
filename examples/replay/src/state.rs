//! The state of the reference machine: its three devices, and how far its guest has come.

use std::fmt;

use devstate_core::InvalidState;
use devstate_i8042::I8042State;
use devstate_rtc_pl031::RtcState;
use devstate_serial_16550::SerialState;

/// Everything that has to be kept of a machine to go on with its guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineState {
    /// The clock.
    pub rtc: RtcState,
    /// The UART.
    pub serial: SerialState,
    /// The keyboard controller, the keyboard and the mouse.
    pub i8042: I8042State,
    /// How many of the guest's events came before.
    pub events: u64,
}

impl MachineState {
    /// Where a replay starts: devices that have just been reset, but for a clock that runs.
    pub const START: Self = Self {
        rtc: RtcState {
            enabled: true,
            ..RtcState::RESET
        },
        serial: SerialState::RESET,
        i8042: I8042State::RESET,
        events: 0,
    };

    /// Whether a real machine could be in this state.
    ///
    /// # Errors
    ///
    /// The first device that could not, and why.
    pub fn validate(&self) -> Result<(), InvalidMachine> {
        self.rtc.validate().map_err(InvalidMachine::in_device("rtc"))?;
        self.serial.validate().map_err(InvalidMachine::in_device("serial"))?;
        self.i8042.validate().map_err(InvalidMachine::in_device("i8042"))
    }
}

impl Default for MachineState {
    /// [`MachineState::START`].
    fn default() -> Self {
        Self::START
    }
}

/// A machine's state says something that cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidMachine {
    /// Of which device: the field of [`MachineState`].
    pub device: &'static str,
    /// What.
    pub error: InvalidState,
}

impl InvalidMachine {
    pub(crate) fn in_device(device: &'static str) -> impl Fn(InvalidState) -> Self {
        move |error| Self { device, error }
    }
}

impl fmt::Display for InvalidMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.device, self.error)
    }
}

impl std::error::Error for InvalidMachine {}
