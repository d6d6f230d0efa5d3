//! The wire form of the reference machine, and the releases in which it was published.

use std::time::Duration;

use devstate_core::Instant;
use devstate_i8042::I8042State;
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031::RtcState;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Versioned, release_table};

use crate::state::{InvalidMachine, MachineState};

/// The wire form of [`MachineState`].
///
/// | version | fields |
/// |---|---|
/// | 1 | a clock and a UART, in the form that vm-superio-ser persists |
/// | 2 | all of their state, the keyboard controller, the position in the guest's events |
#[derive(Versioned, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[versioned(version = 2, layouts(0xe657_6512_954f_5742, 0x3598_47be_94c8_6ca8))]
pub struct MachineStateSer {
    /// The clock.
    pub rtc: RtcStateSer,
    /// The UART.
    pub serial: SerialStateSer,
    /// The keyboard controller, the keyboard and the mouse. Before version 2 there was none: it has just been reset.
    #[versioned(start = 2)]
    pub i8042: I8042StateSer,
    /// How many of the guest's events came before; 0 where nobody counted.
    #[versioned(start = 2, ignorable)]
    pub events: u64,
}

release_table! {
    /// What the reference machine has been published with.
    pub enum Release { V1 = 1 @ 0x9f74_95ee_5fb7_3f4c, V2 = 2 @ 0x3a81_4b57_c519_4f08, V3 = 3 @ 0x4ffd_a01f_4ab7_821f }
    RtcStateSer => [1, 2, 2],
    SerialStateSer => [1, 2, 2],
    I8042StateSer => [_, 1, 2],
    MachineStateSer => [1, 2, 2],
}

impl MachineStateSer {
    /// The mirror of a machine's state.
    #[must_use]
    pub fn new(state: &MachineState) -> Self {
        let MachineState {
            rtc,
            serial,
            i8042,
            events,
        } = state;
        Self {
            rtc: RtcStateSer::new(rtc),
            serial: SerialStateSer::new(serial),
            i8042: I8042StateSer::new(i8042),
            events: *events,
        }
    }

    /// Gives a mirror that was read from version 1 the clock's value, which that version holds as a distance from the
    /// host's clock: at the moment `now` the host's shows `unix_time`.
    pub const fn resolve(&mut self, unix_time: Duration, now: Instant) {
        self.rtc.resolve(unix_time, now);
    }
}

impl Default for MachineStateSer {
    /// The mirror of [`MachineState::START`].
    fn default() -> Self {
        Self::new(&MachineState::START)
    }
}

impl From<&MachineState> for MachineStateSer {
    fn from(state: &MachineState) -> Self {
        Self::new(state)
    }
}

impl TryFrom<&MachineStateSer> for MachineState {
    type Error = InvalidMachine;

    /// The state that a mirror stands for, validated.
    ///
    /// # Errors
    ///
    /// The first device whose mirror cannot be true, or a clock that was not [resolved](MachineStateSer::resolve).
    fn try_from(mirror: &MachineStateSer) -> Result<Self, InvalidMachine> {
        let MachineStateSer {
            rtc,
            serial,
            i8042,
            events,
        } = mirror;
        let state = Self {
            rtc: RtcState::try_from(rtc).map_err(InvalidMachine::in_device("rtc"))?,
            serial: SerialState::try_from(serial).map_err(InvalidMachine::in_device("serial"))?,
            i8042: I8042State::try_from(i8042).map_err(InvalidMachine::in_device("i8042"))?,
            events: *events,
        };
        state.validate()?;
        Ok(state)
    }
}
