//! Commands from the guest and the replies to them.

use crate::events::I8042Events;
use crate::mouse::{MouseArgument, MouseProtocol, MouseState, QUEUE, RateSequence};
use crate::mouse_input::MouseButtons;
use crate::spec::mouse as spec;
use crate::spec::mouse::status;
use devstate_core::ByteQueue;

impl MouseState {
    /// Handles a byte from the guest. Unknown commands have no reply: drivers that probe for special mice were recorded
    /// with such a mouse.
    pub(crate) fn receive(&mut self, byte: u8, events: &impl I8042Events) {
        let argument = self.argument;
        self.argument = MouseArgument::None;
        match argument {
            MouseArgument::None if self.wrap && byte != spec::RESET && byte != spec::RESET_WRAP => {
                self.reply(&[byte], events);
            }
            _ if byte >= spec::FIRST_COMMAND => self.execute(byte, events),
            MouseArgument::None => self.execute(byte, events),
            MouseArgument::SampleRate => {
                self.forget_movement();
                self.sample_rate = byte;
                self.continue_rate_sequence(byte);
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
            spec::DISABLE => {
                self.reporting = false;
                self.discard_packets();
            }
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

    /// Replies with one packet, in any mode and without scaling. A packet that waits already is older and goes first.
    fn reply_data(&mut self, events: &impl I8042Events) {
        let packet = match self.take_waiting_packet() {
            Some(packet) => packet,
            None => self.take_packet(1),
        };
        let mut reply = ByteQueue::<5>::from_array([spec::ACK]);
        reply.push_all(packet.as_slice(), 5);
        self.reply(reply.as_slice(), events);
    }

    fn resend(&mut self, events: &impl I8042Events) {
        let last = self.last_sent;
        self.reply(last.as_slice(), events);
    }

    fn reset(&mut self, events: &impl I8042Events) {
        *self = Self {
            buttons: self.buttons,
            reported: self.buttons,
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
        self.protocol = MouseProtocol::Standard;
        self.discard_packets();
    }

    fn continue_rate_sequence(&mut self, rate: u8) {
        let selected = match (self.rate_sequence, rate) {
            (RateSequence::Rate200Then100, 80) => MouseProtocol::IntelliMouse,
            (RateSequence::Rate200Then200, 80) => MouseProtocol::Explorer,
            (RateSequence::Rate200Then80, 40) if self.protocol == MouseProtocol::Explorer => {
                MouseProtocol::ExplorerHorizontal
            }
            _ => self.protocol,
        };
        self.rate_sequence = match (self.rate_sequence, rate) {
            (RateSequence::None | RateSequence::Rate200Then80, 200) => RateSequence::Rate200,
            (RateSequence::Rate200, 100) => RateSequence::Rate200Then100,
            (RateSequence::Rate200, 200) => RateSequence::Rate200Then200,
            (RateSequence::Rate200, 80) => RateSequence::Rate200Then80,
            _ => RateSequence::None,
        };
        if selected != self.protocol {
            self.protocol = selected;
            // They have the other format.
            self.discard_packets();
        }
    }

    /// Queues a reply. If it does not fit, it replaces the older replies.
    fn reply(&mut self, bytes: &[u8], events: &impl I8042Events) {
        if !self
            .replies
            .push_all(bytes, (QUEUE as u8).saturating_sub(self.packets.len))
        {
            events.mouse_reply_lost();
            self.replies = ByteQueue::EMPTY;
            self.replies.push_all(bytes, QUEUE as u8);
        }
        if bytes != [spec::NAK] {
            self.last_sent = ByteQueue::from_slice(bytes).unwrap_or(self.last_sent);
        }
    }
}
