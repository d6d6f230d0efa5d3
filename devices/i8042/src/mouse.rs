//! The PS/2 mouse: standard, `IntelliMouse` and `IntelliMouse` Explorer.

mod commands;
mod packets;

use devstate_core::InvalidState;

use crate::mouse_input::MouseButtons;
use crate::spec::mouse as spec;
use devstate_core::ByteQueue;

/// The argument that the mouse waits for, after a command that takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MouseArgument {
    /// None: the next byte is a command.
    None,
    /// The resolution, after E8.
    Resolution,
    /// The sample rate, after F3.
    SampleRate,
}

/// The packet format, and the identification that the mouse reports (F2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MouseProtocol {
    /// Three bytes: three buttons. Identification 0.
    Standard,
    /// Four bytes: three buttons and a wheel. Identification 3.
    IntelliMouse,
    /// Four bytes: five buttons and a wheel. Identification 4.
    Explorer,
    /// Four bytes: five buttons, a wheel and a horizontal wheel. Identification 4.
    ExplorerHorizontal,
}

impl MouseProtocol {
    /// Returns the identification, the second byte of the reply to F2.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Standard => 0,
            Self::IntelliMouse => 3,
            Self::Explorer | Self::ExplorerHorizontal => 4,
        }
    }

    pub(crate) const fn packet_len(self) -> u8 {
        match self {
            Self::Standard => 3,
            Self::IntelliMouse | Self::Explorer | Self::ExplorerHorizontal => 4,
        }
    }

    /// The buttons that packets carry.
    const fn buttons(self) -> MouseButtons {
        match self {
            Self::Standard | Self::IntelliMouse => MouseButtons(crate::spec::mouse::packet::BUTTONS),
            Self::Explorer | Self::ExplorerHorizontal => MouseButtons::ALL,
        }
    }
}

/// Says how far the guest has come in a sequence of sample rates. A complete sequence selects a protocol of the mouse.
///
/// 200, 100, 80 selects [`IntelliMouse`](MouseProtocol::IntelliMouse), 200, 200, 80 selects
/// [`Explorer`](MouseProtocol::Explorer), and then 200, 80, 40 selects
/// [`ExplorerHorizontal`](MouseProtocol::ExplorerHorizontal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RateSequence {
    /// No rate of a sequence.
    None,
    /// After 200: the next rate may be 100, 200 or 80.
    Rate200,
    /// After 200, 100: the next rate may select `IntelliMouse`.
    Rate200Then100,
    /// After 200, 200: the next rate may select Explorer.
    Rate200Then200,
    /// After 200, 80: the next rate may select the horizontal wheel of an Explorer.
    Rate200Then80,
}

/// The capacity for replies, and the limit for replies and packets together, in bytes.
pub(crate) const QUEUE: usize = spec::BUFFER as usize + 8;

/// The state of the mouse.
#[expect(clippy::struct_excessive_bools, reason = "bits of the mouse's status, one-to-one")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MouseState {
    /// The argument that the mouse waits for.
    pub argument: MouseArgument,
    /// `true` in remote mode (packets on request), `false` in stream mode.
    pub remote: bool,
    /// `true` in wrap mode: the mouse echoes what it receives. `remote` has the mode to return to.
    pub wrap: bool,
    /// Data reporting is enabled.
    pub reporting: bool,
    /// Scaling is 2:1.
    pub scaling_2_1: bool,
    /// 0 to 3 for 1, 2, 4 or 8 counts per millimetre. The mouse only stores and reports it: the host supplies counts.
    pub resolution: u8,
    /// Samples per second, any value. The mouse only stores and reports it: the host decides when to call.
    pub sample_rate: u8,
    /// The packet format.
    pub protocol: MouseProtocol,
    /// The progress of a sequence of sample rates that selects a protocol.
    pub rate_sequence: RateSequence,
    /// The buttons that are down.
    pub buttons: MouseButtons,
    /// The buttons that the last packet reported as down.
    pub reported: MouseButtons,
    /// Buttons that changed and changed back since the last packet. The next packet reports the change.
    pub clicks: MouseButtons,
    /// Unreported movement to the right, in counts.
    pub dx: i16,
    /// Unreported movement upward, in counts.
    pub dy: i16,
    /// Unreported movement of the wheel toward the user, in steps.
    pub dz: i16,
    /// Unreported movement of the horizontal wheel to the left, in steps.
    pub dw: i16,
    /// Replies that the guest has not read. They are sent before packets. The capacity is
    /// [`BUFFER`](crate::spec::mouse::BUFFER) + 8 bytes.
    pub replies: ByteQueue<QUEUE>,
    /// Packets that the guest has not read. The capacity is [`BUFFER`](crate::spec::mouse::BUFFER).
    pub packets: ByteQueue<{ spec::BUFFER as usize }>,
    /// The number of bytes at the front of `packets` that belong to a packet that the guest has begun to read. They are
    /// sent before replies.
    pub begun: u8,
    /// The last reply or packet sent, for a resend (FE). Empty if it is unknown; then a resend has no reply.
    pub last_sent: ByteQueue<5>,
}

impl MouseState {
    /// The state after power-on, when firmware has read the result of the self-test.
    pub const RESET: Self = Self {
        argument: MouseArgument::None,
        remote: false,
        wrap: false,
        reporting: false,
        scaling_2_1: false,
        resolution: spec::RESOLUTION_DEFAULT,
        sample_rate: spec::SAMPLE_RATE_DEFAULT,
        protocol: MouseProtocol::Standard,
        rate_sequence: RateSequence::None,
        buttons: MouseButtons::NONE,
        reported: MouseButtons::NONE,
        clicks: MouseButtons::NONE,
        dx: 0,
        dy: 0,
        dz: 0,
        dw: 0,
        replies: ByteQueue::EMPTY,
        packets: ByteQueue::EMPTY,
        begun: 0,
        last_sent: ByteQueue {
            bytes: [spec::TEST_PASSED, 0, 0, 0, 0],
            len: 2,
        },
    };

    /// Returns `true` if there is movement or a change of a button that no packet has reported.
    #[must_use]
    pub const fn unreported(&self) -> bool {
        let buttons = (self.buttons.0 ^ self.reported.0 | self.clicks.0) & self.protocol.buttons().0;
        buttons != 0 || self.dx != 0 || self.dy != 0 || self.dz != 0 || self.dw != 0
    }

    /// Checks that a real device could be in this state.
    ///
    /// # Errors
    ///
    /// The first field with an impossible value.
    pub fn validate(&self) -> Result<(), InvalidState> {
        if self.wrap && self.argument != MouseArgument::None {
            let reason = "no command takes an argument in wrap mode";
            return Err(InvalidState::new("mouse.wrap", 1, reason));
        }
        if self.resolution > spec::RESOLUTION_MAX {
            let reason = "the resolutions are 0 to 3";
            return Err(InvalidState::new("mouse.resolution", self.resolution.into(), reason));
        }
        if (self.buttons.0 | self.reported.0 | self.clicks.0) & !MouseButtons::ALL.0 != 0 {
            return Err(self.impossible_button());
        }
        if self.clicks.0 & (self.buttons.0 ^ self.reported.0 | !self.protocol.buttons().0) != 0 {
            let reason = "only buttons of the protocol that are as last reported";
            return Err(InvalidState::new("mouse.clicks", self.clicks.0.into(), reason));
        }
        self.validate_queues()
    }

    /// The first field with a button that does not exist.
    #[cold]
    fn impossible_button(&self) -> InvalidState {
        let fields = [
            ("mouse.buttons", self.buttons),
            ("mouse.reported", self.reported),
            ("mouse.clicks", self.clicks),
        ];
        let impossible = |(_, buttons): &(&str, MouseButtons)| buttons.0 & !MouseButtons::ALL.0 != 0;
        let (field, buttons) = fields.into_iter().find(impossible).unwrap_or_default();
        InvalidState::new(field, buttons.0.into(), "there are five buttons")
    }

    fn validate_queues(&self) -> Result<(), InvalidState> {
        self.replies
            .validate(QUEUE as u8, "mouse.replies.len", "mouse.replies.bytes")?;
        self.packets
            .validate(spec::BUFFER, "mouse.packets.len", "mouse.packets.bytes")?;
        self.last_sent
            .validate(5, "mouse.last_sent.len", "mouse.last_sent.bytes")?;
        if usize::from(self.replies.len.saturating_add(self.packets.len)) > QUEUE {
            let reason = "replies and packets together have 24 bytes";
            return Err(InvalidState::new("mouse.replies.len", self.replies.len.into(), reason));
        }
        if self.begun > 3 {
            let reason = "at most 3 bytes are left of a packet";
            return Err(InvalidState::new("mouse.begun", self.begun.into(), reason));
        }
        let whole = self.packets.len.checked_sub(self.begun);
        if whole.is_none_or(|whole| whole % self.protocol.packet_len() != 0) {
            let reason = "whole packets behind the one that is being read";
            return Err(InvalidState::new("mouse.packets.len", self.packets.len.into(), reason));
        }
        Ok(())
    }

    #[inline]
    pub(crate) const fn has_data(&self) -> bool {
        !self.replies.is_empty() || !self.packets.is_empty()
    }

    /// Takes the next byte for the controller: the rest of a packet, then replies, then packets.
    pub(crate) fn send(&mut self) -> Option<u8> {
        if self.begun != 0 {
            self.begun -= 1;
            return self.packets.pop();
        }
        if !self.replies.is_empty() {
            return self.replies.pop();
        }
        let len = self.protocol.packet_len();
        let packet = self.packets.as_slice().get(..len.into())?;
        self.last_sent = ByteQueue::from_slice(packet).unwrap_or(ByteQueue::EMPTY);
        self.begun = len - 1;
        self.packets.pop()
    }
}

impl Default for MouseState {
    /// Returns [`MouseState::RESET`].
    fn default() -> Self {
        Self::RESET
    }
}
