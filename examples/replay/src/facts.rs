//! What has to be known of the past to judge a read.

use crate::trace::{Event, I8042Event, Port};

/// What has to be known of the past to judge a read. It is gathered from what the trace says, never from our devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one bit of hardware")]
pub struct Facts {
    /// The last write to the keyboard controller was a command.
    pub last_write_was_command: bool,
    /// What made the system flag by the manual: a self-test sets it, bit 2 of the command byte is copied to it.
    pub system_flag: bool,
    /// A self-test has been made.
    pub self_tested: bool,
    /// What the guest has told the mouse, and is about to hear from it.
    pub mouse: MouseFacts,
    pending: Pending,
    unread_from_mouse: bool,
}

/// What the guest has told the mouse, and is about to hear from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MouseFacts {
    /// The buttons that its last packet told: 1 left, 2 right, 4 middle.
    pub buttons: u8,
    /// The resolution, until somebody sets it.
    pub resolution_after_power_on: Option<u8>,
    /// The sample rate, until somebody sets it.
    pub rate_after_power_on: Option<u8>,
    /// If the next byte of the mouse's is one of its status, which.
    status_byte: Option<u8>,
    wraps: bool,
    argument_of: Option<u8>,
    /// Bytes to come, the status among them.
    reply: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pending {
    #[default]
    Nothing,
    CommandByte,
    OutputPort,
    Mouse,
    Other,
}

impl Facts {
    /// Which byte of the mouse's status the data port holds, if it does.
    #[must_use]
    pub fn mouse_status_byte(&self) -> Option<u8> {
        self.mouse.status_byte.filter(|_| self.unread_from_mouse)
    }

    /// Takes note of an event.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::I8042(I8042Event::Write { port, value }) => match port {
                Port::Command => self.note_command(*value),
                Port::Data => self.note_data(*value),
            },
            Event::I8042(I8042Event::Read { port, value }) => match port {
                Port::Command => self.unread_from_mouse = value & FROM_MOUSE == FROM_MOUSE,
                Port::Data => self.note_data_read(),
            },
            Event::I8042(I8042Event::Mouse(packet)) => self.mouse.buttons = packet.buttons,
            Event::I8042(I8042Event::Key { .. }) | Event::Serial(_) | Event::Rtc(_) => {}
        }
    }

    fn note_command(&mut self, command: u8) {
        self.last_write_was_command = true;
        match command {
            0x60 => self.pending = Pending::CommandByte,
            0xd1 => self.pending = Pending::OutputPort,
            0xd4 => self.pending = Pending::Mouse,
            0x61..=0x7f | 0xa5 | 0xd2 | 0xd3 => self.pending = Pending::Other,
            0xaa => (self.system_flag, self.self_tested) = (true, true),
            0xf0..=0xff if command & 1 == 0 => self.forget(),
            // A command that takes no data lets another one wait for its.
            _ => {}
        }
    }

    fn note_data(&mut self, byte: u8) {
        self.last_write_was_command = false;
        match std::mem::take(&mut self.pending) {
            Pending::CommandByte => self.system_flag = byte & 4 != 0,
            Pending::OutputPort if byte & 1 == 0 => self.forget(),
            Pending::Mouse => self.mouse.hear(byte),
            Pending::OutputPort | Pending::Other | Pending::Nothing => {}
        }
    }

    /// Guests look at the status before they read data: only then is it known whose they are.
    fn note_data_read(&mut self) {
        if std::mem::take(&mut self.unread_from_mouse) {
            self.mouse.say();
        }
    }

    /// The machine was reset.
    fn forget(&mut self) {
        *self = Self {
            mouse: MouseFacts {
                buttons: self.mouse.buttons,
                ..MouseFacts::default()
            },
            ..Self::default()
        };
    }
}

/// The status bits of a byte that is the mouse's.
const FROM_MOUSE: u8 = 0x21;

impl Default for MouseFacts {
    /// After power-on.
    fn default() -> Self {
        Self {
            buttons: 0,
            resolution_after_power_on: Some(2),
            rate_after_power_on: Some(100),
            status_byte: None,
            wraps: false,
            argument_of: None,
            reply: None,
        }
    }
}

impl MouseFacts {
    fn hear(&mut self, byte: u8) {
        (self.reply, self.status_byte) = (None, None);
        match (self.argument_of.take(), byte) {
            (Some(SET_RESOLUTION), _) => self.resolution_after_power_on = None,
            (Some(_), _) => self.rate_after_power_on = None,
            (None, RESET) => self.set_up(),
            (None, RESET_WRAP) => self.wraps = false,
            (None, _) if self.wraps => {}
            (None, SET_DEFAULTS) => self.set_up(),
            (None, WRAP) => self.wraps = true,
            (None, SET_RESOLUTION | SET_SAMPLE_RATE) => self.argument_of = Some(byte),
            (None, STATUS) => self.reply = Some(0),
            (None, _) => {}
        }
    }

    /// A byte of the mouse's was read.
    fn say(&mut self) {
        // First the acknowledgement, then three bytes of status.
        self.status_byte = self.reply.filter(|said| *said < 3);
        self.reply = self.status_byte.map(|said| said + 1);
    }

    fn set_up(&mut self) {
        self.wraps = false;
        self.resolution_after_power_on = None;
        self.rate_after_power_on = None;
    }
}

const SET_RESOLUTION: u8 = 0xe8;
const STATUS: u8 = 0xe9;
const RESET_WRAP: u8 = 0xec;
const WRAP: u8 = 0xee;
const SET_SAMPLE_RATE: u8 = 0xf3;
const SET_DEFAULTS: u8 = 0xf6;
const RESET: u8 = 0xff;
