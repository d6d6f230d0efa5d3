//! The PS/2 mouse: standard, `IntelliMouse` and `IntelliMouse` Explorer.

use devstate_core::InvalidState;

use crate::events::I8042Events;
use crate::queue::ByteQueue;
use crate::spec::mouse as spec;
use crate::spec::mouse::{packet, status};

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

/// How the mouse reports, and what it answers to F2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MouseProtocol {
    /// Three bytes; three buttons. Identification 0.
    Standard,
    /// Four bytes; with a wheel. Identification 3.
    IntelliMouse,
    /// Four bytes; with two wheels and five buttons. Identification 4.
    Explorer,
}

impl MouseProtocol {
    /// The device's identification, byte 2 of the answer to F2.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Standard => 0,
            Self::IntelliMouse => 3,
            Self::Explorer => 4,
        }
    }

    const fn packet_len(self) -> u8 {
        match self {
            Self::Standard => 3,
            Self::IntelliMouse | Self::Explorer => 4,
        }
    }
}

/// How far the guest has come in the sequence of sample rates that switches to another protocol: 200, 100, 80 to
/// [`IntelliMouse`](MouseProtocol::IntelliMouse), 200, 200, 80 to [`Explorer`](MouseProtocol::Explorer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Knock {
    /// Nowhere.
    None,
    /// 200.
    One,
    /// 200, 100.
    TwoForIntelliMouse,
    /// 200, 200.
    TwoForExplorer,
}

/// The buttons that are down, from bit 0: left, right, middle, fourth, fifth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MouseButtons(pub u8);

impl MouseButtons {
    /// None.
    pub const NONE: Self = Self(0);
    /// The left button.
    pub const LEFT: Self = Self(1 << 0);
    /// The right button.
    pub const RIGHT: Self = Self(1 << 1);
    /// The middle button.
    pub const MIDDLE: Self = Self(1 << 2);
    /// The fourth button, at the side: "back".
    pub const FOURTH: Self = Self(1 << 3);
    /// The fifth button, at the side: "forward".
    pub const FIFTH: Self = Self(1 << 4);
    /// All five.
    pub const ALL: Self = Self(0x1f);
}

impl core::ops::BitOr for MouseButtons {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What happened to a mouse since it was last told: movements in counts, and the buttons that are down now.
///
/// ```
/// use devstate_i8042::{MouseButtons, MouseInput};
///
/// let drag = MouseInput { dx: 5, dy: -3, buttons: MouseButtons::LEFT, ..MouseInput::NONE };
/// # let _ = drag;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MouseInput {
    /// To the right.
    pub dx: i16,
    /// Upward, away from the user.
    pub dy: i16,
    /// The wheel, toward the user.
    pub dz: i16,
    /// The horizontal wheel, to the left. Only an Explorer reports it.
    pub dw: i16,
    /// The buttons that are down. Bits above the fifth button are ignored.
    pub buttons: MouseButtons,
}

impl MouseInput {
    /// No movement, no button.
    pub const NONE: Self = Self {
        dx: 0,
        dy: 0,
        dz: 0,
        dw: 0,
        buttons: MouseButtons::NONE,
    };
}

/// Bytes of the queue towards the guest: packets use [`spec::BUFFER`] of them, replies all.
pub(crate) const QUEUE: usize = spec::BUFFER as usize + 8;

/// The state of the mouse.
#[expect(clippy::struct_excessive_bools, reason = "bits of the mouse's status, one-to-one")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MouseState {
    /// The argument that it waits for.
    pub argument: MouseArgument,
    /// Remote mode: it reports when asked; otherwise stream mode.
    pub remote: bool,
    /// Wrap mode: it echoes what it is sent. Whether it was in remote mode before is in `remote`.
    pub wrap: bool,
    /// Whether data reporting is enabled.
    pub reporting: bool,
    /// Whether scaling is 2:1.
    pub scaling_2_1: bool,
    /// 1, 2, 4 or 8 counts per millimetre for 0 to 3. Stored and reported: the host counts.
    pub resolution: u8,
    /// Samples per second, any value. Stored and reported: the host decides when to tell of movements.
    pub sample_rate: u8,
    /// How it reports.
    pub protocol: MouseProtocol,
    /// How far the guest has come in switching to another protocol.
    pub knock: Knock,
    /// The buttons that are down.
    pub buttons: MouseButtons,
    /// Movement to the right that has not been reported, in counts.
    pub dx: i16,
    /// Movement upward that has not been reported, in counts.
    pub dy: i16,
    /// The wheel's movement toward the user that has not been reported, in counts.
    pub dz: i16,
    /// The horizontal wheel's movement to the left that has not been reported, in counts.
    pub dw: i16,
    /// Something has changed since the last packet.
    pub unreported: bool,
    /// Packets and replies that the guest has not read.
    pub queue: ByteQueue<QUEUE>,
    /// The last packet, for a resend.
    pub last_packet: ByteQueue<4>,
}

impl MouseState {
    /// A mouse after power-on, whose self-test result has been taken by whoever started the machine.
    pub const RESET: Self = Self {
        argument: MouseArgument::None,
        remote: false,
        wrap: false,
        reporting: false,
        scaling_2_1: false,
        resolution: spec::RESOLUTION_DEFAULT,
        sample_rate: spec::SAMPLE_RATE_DEFAULT,
        protocol: MouseProtocol::Standard,
        knock: Knock::None,
        buttons: MouseButtons::NONE,
        dx: 0,
        dy: 0,
        dz: 0,
        dw: 0,
        unreported: false,
        queue: ByteQueue::EMPTY,
        last_packet: ByteQueue::EMPTY,
    };

    pub(crate) fn validate(&self) -> Result<(), InvalidState> {
        if self.wrap && self.argument != MouseArgument::None {
            let reason = "in wrap mode nothing is a command that takes an argument";
            return Err(InvalidState::new("mouse.wrap", 1, reason));
        }
        if self.resolution > spec::RESOLUTION_MAX {
            let reason = "the resolutions are 0 to 3";
            return Err(InvalidState::new("mouse.resolution", self.resolution.into(), reason));
        }
        if self.buttons.0 & !MouseButtons::ALL.0 != 0 {
            let reason = "there are five buttons";
            return Err(InvalidState::new("mouse.buttons", self.buttons.0.into(), reason));
        }
        for (field, counts) in [
            ("mouse.dx", self.dx),
            ("mouse.dy", self.dy),
            ("mouse.dz", self.dz),
            ("mouse.dw", self.dw),
        ] {
            if counts != 0 && !self.unreported {
                let reason = "0 unless there is something unreported";
                return Err(InvalidState::new(field, u64::from(counts.cast_unsigned()), reason));
            }
        }
        self.queue.validate("mouse.queue.len", "mouse.queue.bytes")?;
        self.last_packet
            .validate("mouse.last_packet.len", "mouse.last_packet.bytes")?;
        if !matches!(self.last_packet.len, 0 | 3 | 4) {
            let reason = "a packet has 3 or 4 bytes";
            return Err(InvalidState::new(
                "mouse.last_packet.len",
                self.last_packet.len.into(),
                reason,
            ));
        }
        if let Some(first) = self.last_packet.as_slice().first()
            && (first & packet::ALWAYS == 0 || first & 0xc0 != 0)
        {
            let reason = "a packet's first byte has bit 3 and no overflow";
            return Err(InvalidState::new("mouse.last_packet.bytes", (*first).into(), reason).at(0));
        }
        Ok(())
    }

    #[inline]
    pub(crate) const fn has_data(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The next byte for the controller.
    pub(crate) fn send(&mut self) -> Option<u8> {
        self.queue.pop()
    }

    /// A byte from the system. An unknown command is not answered: drivers that probe for special mice were recorded
    /// to live with that.
    pub(crate) fn receive(&mut self, byte: u8, events: &impl I8042Events) {
        let argument = self.argument;
        self.argument = MouseArgument::None;
        match argument {
            MouseArgument::None if self.wrap && byte != spec::RESET && byte != spec::RESET_WRAP => {
                self.reply(&[byte], events);
            }
            MouseArgument::None => self.execute(byte, events),
            MouseArgument::SampleRate => {
                self.forget_movement();
                self.sample_rate = byte;
                self.listen_for_knock(byte);
                self.reply(&[spec::ACK], events);
            }
            MouseArgument::Resolution if byte > spec::RESOLUTION_MAX => self.reply(&[spec::NAK], events),
            MouseArgument::Resolution => {
                self.forget_movement();
                self.resolution = byte;
                self.reply(&[spec::ACK], events);
            }
        }
    }

    fn execute(&mut self, command: u8, events: &impl I8042Events) {
        match command {
            spec::SCALING_1_1 => self.scaling_2_1 = false,
            spec::SCALING_2_1 => self.scaling_2_1 = true,
            spec::SET_RESOLUTION => self.argument = MouseArgument::Resolution,
            spec::SET_SAMPLE_RATE => self.argument = MouseArgument::SampleRate,
            spec::STATUS => return self.reply_status(events),
            spec::READ_DATA => return self.reply_data(events),
            spec::IDENTIFY => return self.reply_id(events),
            spec::STREAM => self.remote = false,
            spec::REMOTE => self.remote = true,
            spec::WRAP => self.wrap = true,
            spec::RESET_WRAP if self.wrap => self.wrap = false,
            spec::ENABLE => self.reporting = true,
            spec::DISABLE => self.reporting = false,
            spec::SET_DEFAULTS => self.load_defaults(),
            spec::RESEND => return self.resend(events),
            spec::RESET => return self.reset(events),
            _ => return events.unknown_mouse_command(command),
        }
        if matches!(
            command,
            spec::STREAM
                | spec::REMOTE
                | spec::WRAP
                | spec::RESET_WRAP
                | spec::ENABLE
                | spec::DISABLE
                | spec::SET_DEFAULTS
        ) {
            self.forget_movement();
        }
        self.reply(&[spec::ACK], events);
    }

    fn reply_id(&mut self, events: &impl I8042Events) {
        self.forget_movement();
        self.reply(&[spec::ACK, self.protocol.id()], events);
    }

    fn reply_status(&mut self, events: &impl I8042Events) {
        self.forget_movement();
        let held = |button: MouseButtons| self.buttons.0 & button.0 != 0;
        let bits = [
            (held(MouseButtons::RIGHT), status::RIGHT),
            (held(MouseButtons::MIDDLE), status::MIDDLE),
            (held(MouseButtons::LEFT), status::LEFT),
            (self.scaling_2_1, status::SCALING_2_1),
            (self.reporting, status::ENABLED),
            (self.remote, status::REMOTE),
        ];
        let first = bits
            .iter()
            .filter(|(is_set, _)| *is_set)
            .fold(0, |byte, (_, bit)| byte | bit);
        self.reply(&[spec::ACK, first, self.resolution, self.sample_rate], events);
    }

    /// One packet, in any mode and without scaling.
    fn reply_data(&mut self, events: &impl I8042Events) {
        let untold = self.unreported;
        let packet = self.take_packet(1, untold);
        let mut reply = ByteQueue::<5>::from_array([spec::ACK]);
        reply.push_all(packet.as_slice(), 5);
        self.reply(reply.as_slice(), events);
    }

    fn resend(&mut self, events: &impl I8042Events) {
        let packet = self.last_packet;
        self.reply(packet.as_slice(), events);
    }

    fn reset(&mut self, events: &impl I8042Events) {
        *self = Self {
            buttons: self.buttons,
            ..Self::RESET
        };
        self.reply(&[spec::ACK, spec::TEST_PASSED, self.protocol.id()], events);
    }

    fn load_defaults(&mut self) {
        self.remote = false;
        self.reporting = false;
        self.scaling_2_1 = false;
        self.resolution = spec::RESOLUTION_DEFAULT;
        self.sample_rate = spec::SAMPLE_RATE_DEFAULT;
    }

    fn forget_movement(&mut self) {
        (self.dx, self.dy, self.dz, self.dw) = (0, 0, 0, 0);
        self.unreported = false;
    }

    fn listen_for_knock(&mut self, rate: u8) {
        self.knock = match (self.knock, rate) {
            (Knock::None, 200) => Knock::One,
            (Knock::One, 100) => Knock::TwoForIntelliMouse,
            (Knock::One, 200) => Knock::TwoForExplorer,
            (Knock::TwoForIntelliMouse, 80) => {
                self.protocol = MouseProtocol::IntelliMouse;
                Knock::None
            }
            (Knock::TwoForExplorer, 80) => {
                self.protocol = MouseProtocol::Explorer;
                Knock::None
            }
            _ => Knock::None,
        };
    }

    fn reply(&mut self, bytes: &[u8], events: &impl I8042Events) {
        if !self.queue.push_all(bytes, QUEUE as u8) {
            events.mouse_reply_lost();
        }
    }

    /// Counts movements and buttons, for the next packet. Whether a change of the side buttons may not have been told.
    pub(crate) fn count(&mut self, input: &MouseInput) -> bool {
        let buttons = MouseButtons(input.buttons.0 & MouseButtons::ALL.0);
        let moved = (input.dx, input.dy, input.dz, input.dw) != (0, 0, 0, 0);
        let side_buttons = (buttons.0 ^ self.buttons.0) & !packet::BUTTONS;
        let untold = self.unreported || side_buttons != 0;
        self.unreported |= moved || buttons != self.buttons;
        self.buttons = buttons;
        self.dx = self.dx.saturating_add(input.dx);
        self.dy = self.dy.saturating_add(input.dy);
        self.dz = self.dz.saturating_add(input.dz);
        self.dw = self.dw.saturating_add(input.dw);
        untold
    }

    /// In stream mode, queues packets until everything is reported or the queue is full. `false` where something is left.
    /// `untold`: as [`count`](Self::count) says, and `true` if that is not known.
    pub(crate) fn report(&mut self, untold: bool, events: &impl I8042Events) -> bool {
        let streams = self.reporting && !self.remote && !self.wrap;
        while streams && self.unreported {
            if self.queue.room(spec::BUFFER) < self.protocol.packet_len() {
                events.mouse_packet_delayed();
                return false;
            }
            let factor = if self.scaling_2_1 { 2 } else { 1 };
            let packet = self.take_packet(factor, untold);
            self.queue.push_all(packet.as_slice(), spec::BUFFER);
        }
        !streams || !self.unreported
    }

    /// Queues the one packet that says this, if it fits, whatever the mode. What had been counted before is dropped.
    pub(crate) fn queue_packet(&mut self, input: &MouseInput, events: &impl I8042Events) -> bool {
        if self.queue.room(spec::BUFFER) < self.protocol.packet_len() {
            events.mouse_packet_delayed();
            return false;
        }
        self.forget_movement();
        self.count(input);
        let packet = self.take_packet(1, false);
        self.forget_movement();
        self.queue.push_all(packet.as_slice(), spec::BUFFER)
    }

    /// Takes from the counters what one packet can carry. `scale` is 2 where stream mode doubles. A packet of the
    /// horizontal wheel has no room for the side buttons: if a change of them is `untold`, something is left to report.
    fn take_packet(&mut self, scale: i16, untold: bool) -> ByteQueue<4> {
        let x = scaled(take(&mut self.dx, spec::MAX_COUNTS / scale), scale);
        let y = scaled(take(&mut self.dy, spec::MAX_COUNTS / scale), scale);
        let mut first = packet::ALWAYS | (self.buttons.0 & packet::BUTTONS);
        if x < 0 {
            first |= packet::X_SIGN;
        }
        if y < 0 {
            first |= packet::Y_SIGN;
        }
        let mut bytes = ByteQueue::from_array([first, low_byte(x), low_byte(y)]);
        let mut left = false;
        match self.protocol {
            MouseProtocol::Standard => (self.dz, self.dw) = (0, 0),
            MouseProtocol::IntelliMouse => {
                self.dw = 0;
                bytes.push(low_byte(take(&mut self.dz, spec::MAX_COUNTS)));
            }
            MouseProtocol::Explorer if self.dw != 0 => {
                left = untold;
                bytes.push(packet::HORIZONTAL | low_byte(take(&mut self.dw, 31)) & 0x3f);
            }
            MouseProtocol::Explorer => {
                let side_buttons = (self.buttons.0 & !packet::BUTTONS) << 1;
                bytes.push(side_buttons | low_byte(take(&mut self.dz, 7)) & 0x0f);
            }
        }
        self.unreported = left || (self.dx, self.dy, self.dz, self.dw) != (0, 0, 0, 0);
        self.last_packet = bytes;
        bytes
    }
}

impl Default for MouseState {
    /// [`MouseState::RESET`].
    fn default() -> Self {
        Self::RESET
    }
}

fn take(counts: &mut i16, most: i16) -> i16 {
    let taken = (*counts).clamp(-most, most);
    *counts = counts.saturating_sub(taken);
    taken
}

/// Scaling 2:1, which is not linear for slow movements.
fn scaled(counts: i16, scale: i16) -> i16 {
    if scale == 1 {
        return counts;
    }
    let magnitude = match counts.abs() {
        0 => 0,
        1 | 2 => 1,
        3 => 3,
        4 => 6,
        5 => 9,
        more => more * 2,
    };
    magnitude * counts.signum()
}

fn low_byte(counts: i16) -> u8 {
    counts.to_le_bytes()[0]
}
