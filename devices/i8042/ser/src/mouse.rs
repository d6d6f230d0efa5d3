//! The mirror of the mouse's state.

use devstate_i8042::{
    ByteQueue, InvalidState, MouseArgument, MouseButtons, MouseProtocol, MouseState, RateSequence, spec,
};
use devstate_versioning::{ConversionError, Versioned};
use heapless::Vec;

use crate::bytes::{fill, to_wire, unknown};

/// The wire form of [`MouseState`].
///
/// | version | fields |
/// |---|---|
/// | 1 | one queue for packets and replies; an Explorer always reports its horizontal wheel |
/// | 2 | adds which bytes of the queue are packets, the buttons that the guest knows of, and the last reply |
#[expect(clippy::struct_excessive_bools, reason = "one-to-one with the mouse's state")]
#[derive(Versioned, Clone, Debug, PartialEq, Eq)]
#[versioned(version = 2, layouts(0x6cfe_9cae_28f1_8de3, 0x1954_d590_8c9d_04c3))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MouseStateSer {
    /// The command that waits for its argument: E8 or F3; 0 for none.
    pub argument: u8,
    /// Remote mode.
    pub remote: bool,
    /// Wrap mode.
    pub wrap: bool,
    /// Data reporting is enabled.
    pub reporting: bool,
    /// Scaling is 2:1.
    pub scaling_2_1: bool,
    /// The resolution, 0 to 3.
    pub resolution: u8,
    /// Samples per second.
    #[versioned(unit = "Hz")]
    pub sample_rate: u8,
    /// The protocol, by the mouse's identification: 0, 3 or 4.
    pub protocol: u8,
    /// The sequence of sample rates: 0 for none, 1 after 200, 2 after 200 and 100, 3 after 200 and 200.
    #[versioned(name = "knock")]
    pub rate_sequence: u8,
    /// The buttons that are down.
    pub buttons: u8,
    /// Unreported movement to the right, in counts.
    pub dx: i16,
    /// Unreported movement upward, in counts.
    pub dy: i16,
    /// Unreported movement of the wheel, in steps.
    pub dz: i16,
    /// Unreported movement of the horizontal wheel, in steps.
    pub dw: i16,
    /// There is movement or a change of a button that no packet has reported.
    pub unreported: bool,
    /// Packets and replies that the guest has not read, in the order in which it will read them.
    pub queue: Vec<u8, 24>,
    /// Version 1 only: the last packet. 0 bytes in a mirror of the latest version.
    #[versioned(end = 2, ser_fn = last_packet_of_version_1, de_fn = keep_last_packet)]
    pub last_packet: Vec<u8, 4>,
    /// An Explorer (protocol 4) reports its horizontal wheel. In version 1 every Explorer did.
    #[versioned(start = 2, de_fn = horizontal_of_version_1)]
    pub horizontal: bool,
    /// The sequence of sample rates has reached 200 and 80. `rate_sequence` is then 0.
    #[versioned(start = 2)]
    pub horizontal_begun: bool,
    /// The buttons that the last packet reported as down. Version 1 does not have this field: if anything is
    /// unreported, all buttons are reported again.
    #[versioned(start = 2, ignorable, de_fn = report_buttons_anew)]
    pub reported: u8,
    /// Buttons that changed and changed back since the last packet.
    #[versioned(start = 2)]
    pub clicks: u8,
    /// The number of bytes at the front of `queue` that belong to a packet that the guest has begun to read. In version
    /// 1, no byte counts as part of a packet.
    #[versioned(start = 2, ignorable)]
    pub begun: u8,
    /// The number of bytes at the end of `queue` that are packets that the guest has not begun to read. The bytes
    /// between `begun` and them are replies.
    #[versioned(start = 2, ignorable)]
    pub waiting: u8,
    /// The last reply or packet that was sent.
    #[versioned(start = 2, ignorable)]
    pub last_sent: Vec<u8, 5>,
}

impl MouseStateSer {
    /// Returns the mirror of a mouse's state.
    #[must_use]
    pub fn new(state: &MouseState) -> Self {
        Self::with_queue(state, join(state))
    }

    /// Returns the mirror of a mouse's state. `queue` has its packets and replies, which a caller may have joined before.
    pub(crate) fn with_queue(state: &MouseState, queue: Vec<u8, 24>) -> Self {
        let MouseState {
            argument,
            remote,
            wrap,
            reporting,
            scaling_2_1,
            resolution,
            sample_rate,
            protocol,
            rate_sequence,
            buttons: MouseButtons(buttons),
            reported: MouseButtons(reported),
            clicks: MouseButtons(clicks),
            dx,
            dy,
            dz,
            dw,
            replies: _,
            packets,
            begun,
            last_sent,
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
            rate_sequence: match rate_sequence {
                RateSequence::None | RateSequence::Rate200Then80 => 0,
                RateSequence::Rate200 => 1,
                RateSequence::Rate200Then100 => 2,
                RateSequence::Rate200Then200 => 3,
            },
            buttons: *buttons,
            dx: *dx,
            dy: *dy,
            dz: *dz,
            dw: *dw,
            unreported: state.unreported(),
            queue,
            last_packet: Vec::new(),
            horizontal: *protocol == MouseProtocol::ExplorerHorizontal,
            horizontal_begun: *rate_sequence == RateSequence::Rate200Then80,
            reported: *reported,
            clicks: *clicks,
            begun: *begun,
            waiting: packets.len.saturating_sub(*begun),
            last_sent: to_wire(last_sent),
        }
    }
}

/// Joins packets and replies in the order in which the guest will read them.
pub(crate) fn join(state: &MouseState) -> Vec<u8, 24> {
    let mut queue = Vec::new();
    if state.replies.is_empty() && state.packets.is_empty() {
        return queue;
    }
    let packets = state.packets.as_slice();
    let (rest, waiting) = packets.split_at_checked(state.begun.into()).unwrap_or_default();
    for bytes in [rest, state.replies.as_slice(), waiting] {
        // A state that is valid has 24 bytes at most.
        let _ = queue.extend_from_slice(bytes);
    }
    queue
}

/// Splits a queue into the bytes of packets and replies: the rest of a packet, replies, packets.
fn split(queue: &[u8], begun: u8, waiting: u8) -> Result<[&[u8]; 3], InvalidState> {
    let parts = queue.len().checked_sub(waiting.into()).and_then(|end| {
        let (before, waiting) = queue.split_at_checked(end)?;
        let (rest, replies) = before.split_at_checked(begun.into())?;
        Some([rest, replies, waiting])
    });
    let Some(parts) = parts else {
        let reason = "more bytes of packets than the queue has";
        return Err(InvalidState::new("mouse.waiting", waiting.into(), reason));
    };
    if usize::from(begun) + usize::from(waiting) > 16 {
        let reason = "packets have 16 bytes at most";
        return Err(InvalidState::new("mouse.waiting", waiting.into(), reason));
    }
    Ok(parts)
}

impl Default for MouseStateSer {
    /// Returns the mirror of [`MouseState::RESET`].
    fn default() -> Self {
        // Field by field: most are zero, and firmware needs no copy of the whole.
        Self {
            argument: 0,
            remote: false,
            wrap: false,
            reporting: false,
            scaling_2_1: false,
            resolution: const { MouseState::RESET.resolution },
            sample_rate: const { MouseState::RESET.sample_rate },
            protocol: const { MouseState::RESET.protocol.id() },
            rate_sequence: 0,
            buttons: 0,
            dx: 0,
            dy: 0,
            dz: 0,
            dw: 0,
            unreported: false,
            queue: Vec::new(),
            last_packet: Vec::new(),
            horizontal: false,
            horizontal_begun: false,
            reported: 0,
            clicks: 0,
            begun: 0,
            waiting: 0,
            last_sent: to_wire(&const { MouseState::RESET.last_sent }),
        }
    }
}

impl From<&MouseState> for MouseStateSer {
    fn from(state: &MouseState) -> Self {
        Self::new(state)
    }
}

impl TryFrom<&MouseStateSer> for MouseState {
    type Error = InvalidState;

    /// Converts a mirror of the latest version, and validates the state.
    ///
    /// # Errors
    ///
    /// The first field with an impossible value.
    fn try_from(mirror: &MouseStateSer) -> Result<Self, InvalidState> {
        let mut state = Self::RESET;
        convert(mirror, &mut state)?;
        state.validate()?;
        Ok(state)
    }
}

/// Converts in place, and does not validate the state.
pub(crate) fn convert(mirror: &MouseStateSer, state: &mut MouseState) -> Result<(), InvalidState> {
    let MouseStateSer {
        argument,
        remote,
        wrap,
        reporting,
        scaling_2_1,
        resolution,
        sample_rate,
        protocol,
        rate_sequence,
        buttons,
        dx,
        dy,
        dz,
        dw,
        unreported,
        queue,
        last_packet: _,
        horizontal,
        horizontal_begun,
        reported,
        clicks,
        begun,
        waiting,
        last_sent,
    } = mirror;
    let [rest, replies, waiting] = split(queue, *begun, *waiting)?;
    *state = MouseState {
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
        protocol: match (*protocol, *horizontal) {
            (0, false) => MouseProtocol::Standard,
            (3, false) => MouseProtocol::IntelliMouse,
            (4, false) => MouseProtocol::Explorer,
            (4, true) => MouseProtocol::ExplorerHorizontal,
            (0 | 3, true) => {
                let reason = "only an Explorer has a horizontal wheel";
                return Err(InvalidState::new("mouse.horizontal", 1, reason));
            }
            (code, _) => return unknown("mouse.protocol", code),
        },
        rate_sequence: match (*rate_sequence, *horizontal_begun) {
            (0, false) => RateSequence::None,
            (0, true) => RateSequence::Rate200Then80,
            (1, false) => RateSequence::Rate200,
            (2, false) => RateSequence::Rate200Then100,
            (3, false) => RateSequence::Rate200Then200,
            (1..=3, true) => {
                let reason = "another sequence has begun";
                return Err(InvalidState::new("mouse.horizontal_begun", 1, reason));
            }
            (code, _) => return unknown("mouse.rate_sequence", code),
        },
        buttons: MouseButtons(*buttons),
        reported: MouseButtons(*reported),
        clicks: MouseButtons(*clicks),
        dx: *dx,
        dy: *dy,
        dz: *dz,
        dw: *dw,
        replies: ByteQueue::EMPTY,
        packets: ByteQueue::EMPTY,
        begun: *begun,
        last_sent: ByteQueue::EMPTY,
    };
    if !queue.is_empty() {
        fill(&mut state.replies, replies);
        fill(&mut state.packets, rest);
        fill(&mut state.packets, waiting);
    }
    fill(&mut state.last_sent, last_sent);
    if *unreported != state.unreported() {
        let reason = "follows from movement and buttons";
        return Err(InvalidState::new("mouse.unreported", (*unreported).into(), reason));
    }
    Ok(())
}

/// Version 1 resends packets only, and has no place for replies. A requested packet (EB) stands behind its
/// acknowledgement.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a semantic function")]
fn last_packet_of_version_1(mirror: &mut MouseStateSer, _version: u16) -> Result<(), ConversionError> {
    let sent = mirror.last_sent.as_slice();
    let packet = sent.strip_prefix(&[spec::mouse::ACK]).unwrap_or(sent);
    let is_packet = matches!(packet, [first, _, _] | [first, _, _, _] if first & 0xc8 == spec::mouse::packet::ALWAYS);
    mirror.last_packet = Vec::from_slice(if is_packet { packet } else { &[] }).unwrap_or_default();
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a semantic function")]
fn keep_last_packet(mirror: &mut MouseStateSer, _version: u16) -> Result<(), ConversionError> {
    mirror.last_sent = Vec::from_slice(&mirror.last_packet).unwrap_or_default();
    Ok(())
}

/// In version 1 every Explorer reports its horizontal wheel.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a semantic function")]
fn horizontal_of_version_1(mirror: &mut MouseStateSer, _version: u16) -> Result<(), ConversionError> {
    mirror.horizontal = mirror.protocol == 4;
    Ok(())
}

/// Version 1 does not say which buttons the guest knows of, only whether anything is unreported.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a semantic function")]
fn report_buttons_anew(mirror: &mut MouseStateSer, _version: u16) -> Result<(), ConversionError> {
    mirror.reported = mirror.buttons;
    if mirror.unreported {
        mirror.reported ^= MouseButtons::ALL.0;
    }
    Ok(())
}
