//! The mirror of the mouse's state.

use devstate_i8042::{InvalidState, Knock, MouseArgument, MouseButtons, MouseProtocol, MouseState, spec};
use devstate_versioning::Versioned;
use heapless::Vec;

use crate::bytes::{from_wire, to_wire, unknown};

/// The wire form of [`MouseState`].
#[expect(clippy::struct_excessive_bools, reason = "one-to-one with the mouse's state")]
#[derive(Versioned, Clone, Debug, PartialEq, Eq)]
#[versioned(version = 1, layouts(0x6cfe_9cae_28f1_8de3))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MouseStateSer {
    /// The command that waits for its argument: E8 or F3; 0 for none.
    pub argument: u8,
    /// Remote mode.
    pub remote: bool,
    /// Wrap mode.
    pub wrap: bool,
    /// Whether data reporting is enabled.
    pub reporting: bool,
    /// Whether scaling is 2:1.
    pub scaling_2_1: bool,
    /// The resolution, 0 to 3.
    pub resolution: u8,
    /// Samples per second.
    pub sample_rate: u8,
    /// The protocol, by the mouse's identification: 0, 3 or 4.
    pub protocol: u8,
    /// The detection sequence: 0 nothing, 1 after 200, 2 after 200 and 100, 3 after 200 and 200.
    pub knock: u8,
    /// The buttons that are down.
    pub buttons: u8,
    /// Unreported movement to the right.
    pub dx: i16,
    /// Unreported movement upward.
    pub dy: i16,
    /// Unreported movement of the wheel.
    pub dz: i16,
    /// Unreported movement of the horizontal wheel.
    pub dw: i16,
    /// Something has changed since the last packet.
    pub unreported: bool,
    /// Packets and replies that the guest has not read.
    pub queue: Vec<u8, 24>,
    /// The last packet.
    pub last_packet: Vec<u8, 4>,
}

impl MouseStateSer {
    /// The mirror of a mouse's state.
    #[must_use]
    pub fn new(state: &MouseState) -> Self {
        let MouseState {
            argument,
            remote,
            wrap,
            reporting,
            scaling_2_1,
            resolution,
            sample_rate,
            protocol,
            knock,
            buttons: MouseButtons(buttons),
            dx,
            dy,
            dz,
            dw,
            unreported,
            queue,
            last_packet,
        } = state;
        Self {
            argument: match argument {
                MouseArgument::None => 0,
                MouseArgument::Resolution => spec::mouse::SET_RESOLUTION,
                MouseArgument::SampleRate => spec::mouse::SET_SAMPLE_RATE,
            },
            remote: *remote,
            wrap: *wrap,
            reporting: *reporting,
            scaling_2_1: *scaling_2_1,
            resolution: *resolution,
            sample_rate: *sample_rate,
            protocol: protocol.id(),
            knock: match knock {
                Knock::None => 0,
                Knock::One => 1,
                Knock::TwoForIntelliMouse => 2,
                Knock::TwoForExplorer => 3,
            },
            buttons: *buttons,
            dx: *dx,
            dy: *dy,
            dz: *dz,
            dw: *dw,
            unreported: *unreported,
            queue: to_wire(queue),
            last_packet: to_wire(last_packet),
        }
    }
}

impl Default for MouseStateSer {
    /// The mirror of [`MouseState::RESET`].
    fn default() -> Self {
        Self::new(&MouseState::RESET)
    }
}

impl From<&MouseState> for MouseStateSer {
    fn from(state: &MouseState) -> Self {
        Self::new(state)
    }
}

impl TryFrom<&MouseStateSer> for MouseState {
    type Error = InvalidState;

    /// The state that the mirror says.
    ///
    /// # Errors
    ///
    /// A code that means nothing. What else cannot be true is refused by
    /// [`I8042State::validate`](devstate_i8042::I8042State::validate).
    fn try_from(mirror: &MouseStateSer) -> Result<Self, InvalidState> {
        let MouseStateSer {
            argument,
            remote,
            wrap,
            reporting,
            scaling_2_1,
            resolution,
            sample_rate,
            protocol,
            knock,
            buttons,
            dx,
            dy,
            dz,
            dw,
            unreported,
            queue,
            last_packet,
        } = mirror;
        Ok(Self {
            argument: match *argument {
                0 => MouseArgument::None,
                spec::mouse::SET_RESOLUTION => MouseArgument::Resolution,
                spec::mouse::SET_SAMPLE_RATE => MouseArgument::SampleRate,
                code => return unknown("mouse.argument", code),
            },
            remote: *remote,
            wrap: *wrap,
            reporting: *reporting,
            scaling_2_1: *scaling_2_1,
            resolution: *resolution,
            sample_rate: *sample_rate,
            protocol: match *protocol {
                0 => MouseProtocol::Standard,
                3 => MouseProtocol::IntelliMouse,
                4 => MouseProtocol::Explorer,
                code => return unknown("mouse.protocol", code),
            },
            knock: match *knock {
                0 => Knock::None,
                1 => Knock::One,
                2 => Knock::TwoForIntelliMouse,
                3 => Knock::TwoForExplorer,
                code => return unknown("mouse.knock", code),
            },
            buttons: MouseButtons(*buttons),
            dx: *dx,
            dy: *dy,
            dz: *dz,
            dw: *dw,
            unreported: *unreported,
            queue: from_wire(queue),
            last_packet: from_wire(last_packet),
        })
    }
}
