//! The controller once more: ports, command byte, output buffer, password.

use super::keyboard::Keyboard;
use super::mouse::Mouse;
use super::outside::Event;
use devstate_i8042::{
    ByteQueue, ControllerReply, I8042State, InputPortPoll, Key, Lock, MouseInput, OutputBuffer, PendingCommand,
};

#[derive(Clone, Debug)]
pub(super) struct Model {
    /// 32 bytes: the first is the command byte.
    ram: [u8; 32],
    port: u8,
    system: bool,
    commanded: bool,
    poll: InputPortPoll,
    pending: PendingCommand,
    owner: OutputBuffer,
    /// The controller's own byte, and whether it counts as the mouse's.
    reply: Option<(u8, bool)>,
    last: u8,
    password: Vec<u8>,
    typed: Option<u8>,
    keyboard: Keyboard,
    mouse: Mouse,
    /// Keyboard and mouse had something to send.
    pub(super) had_data: (bool, bool),
    /// What gate A20 was set to since the last check.
    pub(super) a20: Vec<bool>,
    /// How many resets were requested since the last check.
    pub(super) resets: usize,
    /// The events since the last check.
    pub(super) events: Vec<Event>,
}

impl Model {
    pub(super) fn of(state: &I8042State) -> Self {
        let mut ram = [state.config; 32];
        ram[1..].copy_from_slice(&state.ram);
        let mut model = Self {
            ram,
            port: state.output_port,
            system: state.system_flag,
            commanded: state.last_write_was_command,
            poll: state.input_port_poll,
            pending: state.pending_command,
            owner: state.output_buffer,
            reply: match state.reply {
                ControllerReply::None => None,
                ControllerReply::Keyboard(byte) => Some((byte, false)),
                ControllerReply::Mouse(byte) => Some((byte, true)),
            },
            last: state.last_read,
            password: state.password.as_slice().to_vec(),
            typed: match state.lock {
                Lock::Open => None,
                Lock::Locked(typed) => Some(typed),
            },
            keyboard: Keyboard::of(&state.keyboard),
            mouse: Mouse::of(&state.mouse),
            had_data: (false, false),
            a20: Vec::new(),
            resets: 0,
            events: Vec::new(),
        };
        model.had_data = model.have_data();
        model
    }

    pub(super) fn state(&self) -> I8042State {
        let mut ram = [0; 31];
        ram.copy_from_slice(&self.ram[1..]);
        I8042State {
            config: self.ram[0],
            ram,
            output_port: self.shown_port(),
            system_flag: self.system,
            last_write_was_command: self.commanded,
            input_port_poll: self.poll,
            pending_command: self.pending,
            output_buffer: self.owner,
            reply: match self.reply {
                None => ControllerReply::None,
                Some((byte, false)) => ControllerReply::Keyboard(byte),
                Some((byte, true)) => ControllerReply::Mouse(byte),
            },
            last_read: self.last,
            password: ByteQueue::from_slice(&self.password).unwrap(),
            lock: self.typed.map_or(Lock::Open, Lock::Locked),
            keyboard: self.keyboard.state(),
            mouse: self.mouse.state(),
        }
    }

    /// Whether there is a byte for the system, and whether it counts as the mouse's.
    fn full(&self) -> Option<bool> {
        match (self.owner, self.reply) {
            (OutputBuffer::Empty, _) => None,
            (OutputBuffer::Keyboard, _) => Some(false),
            (OutputBuffer::Mouse, _) => Some(true),
            (OutputBuffer::Controller, reply) => Some(reply.is_some_and(|(_, mouse)| mouse)),
        }
    }

    pub(super) fn levels(&self) -> [bool; 2] {
        [
            self.full() == Some(false) && self.ram[0] & 1 != 0,
            self.full() == Some(true) && self.ram[0] & 2 != 0,
        ]
    }

    pub(super) fn read(&mut self, offset: u16) -> u8 {
        match offset {
            0 => self.read_data(),
            4 => {
                let upper = match self.poll {
                    InputPortPoll::Off => match (self.typed, self.full()) {
                        (None, Some(true)) => 0x30,
                        (None, _) => 0x10,
                        (Some(_), Some(true)) => 0x20,
                        (Some(_), _) => 0x00,
                    },
                    // The input port is 80.
                    InputPortPoll::Low => 0x00,
                    InputPortPoll::High => 0x80,
                };
                upper | u8::from(self.full().is_some()) | u8::from(self.system) << 2 | u8::from(self.commanded) << 3
            }
            _ => {
                self.events.push(Event::InvalidRead(offset));
                0xff
            }
        }
    }

    fn read_data(&mut self) -> u8 {
        let source = self.owner;
        let byte = match source {
            OutputBuffer::Empty => {
                self.events.push(Event::NothingToRead);
                return self.last;
            }
            OutputBuffer::Controller => self.reply.take().map(|(byte, _)| byte),
            OutputBuffer::Keyboard => self.keyboard.send(),
            OutputBuffer::Mouse => self.mouse.send(),
        };
        self.last = byte.unwrap();
        self.give_to(OutputBuffer::Empty);
        let wants = self.wants();
        let next = match source {
            OutputBuffer::Keyboard if wants == [false, true, true] => OutputBuffer::Mouse,
            _ => first_of(wants),
        };
        self.give_to(next);
        self.note_emptied(self.had_data);
        self.last
    }

    /// Who has a byte and may put it into the output buffer: controller, keyboard, mouse.
    fn wants(&self) -> [bool; 3] {
        let open = self.typed.is_none();
        [
            self.reply.is_some(),
            open && self.ram[0] & 0x10 == 0 && self.keyboard.has_data(),
            open && self.ram[0] & 0x20 == 0 && self.mouse.has_data(),
        ]
    }

    fn give_to(&mut self, owner: OutputBuffer) {
        self.owner = owner;
    }

    /// The output port with its interrupt bits.
    fn shown_port(&self) -> u8 {
        self.port & 0xcf
            | match self.full() {
                None => 0,
                Some(false) => 0x10,
                Some(true) => 0x20,
            }
    }

    /// Keyboard and mouse have something to send.
    fn have_data(&self) -> (bool, bool) {
        (self.keyboard.has_data(), self.mouse.has_data())
    }

    /// What had something to send before, and has nothing now.
    pub(super) fn note_emptied(&mut self, before: (bool, bool)) {
        let now = self.have_data();
        if before.0 && !now.0 {
            self.events.push(Event::KeyboardEmptied);
        }
        if before.1 && !now.1 {
            self.events.push(Event::MouseEmptied);
        }
        self.had_data = now;
    }

    pub(super) fn write(&mut self, offset: u16, value: u8) {
        match offset {
            0 => self.write_data(value),
            4 => self.command(value),
            _ => self.events.push(Event::InvalidWrite(offset, value)),
        }
    }

    fn command(&mut self, command: u8) {
        self.commanded = true;
        self.poll = InputPortPoll::Off;
        let config = &mut self.ram[0];
        match command {
            0xa7 => *config |= 0x20,
            0xa8 => *config &= !0x20,
            0xad => *config |= 0x10,
            0xae => *config &= !0x10,
            0x20..=0x3f => self.reply_with(self.ram[usize::from(command - 0x20)], false),
            0xa4 if self.has_password() => self.reply_with(0xfa, false),
            0xa4 => self.reply_with(0xf1, false),
            0xa5 if self.typed.is_none() => {
                self.password.clear();
                self.pending = PendingCommand::LoadPassword;
            }
            0xa6 => self.lock(),
            0xa9 | 0xab => self.reply_with(0x00, false),
            0xaa => {
                self.system = true;
                self.reply_with(0x55, false);
            }
            0xc0 => self.reply_with(0x80, false),
            0xc1 => self.poll = InputPortPoll::Low,
            0xc2 => self.poll = InputPortPoll::High,
            0xd0 => self.reply_with(self.shown_port(), false),
            0xdd => self.set_port(self.port & !2),
            0xdf => self.set_port(self.port | 2),
            0xe0 => self.reply_with(!(self.ram[0] >> 4) & 3, false),
            0xf0..=0xff if command & 1 == 0 => self.request_reset(),
            0xa5 | 0xf0..=0xff => {}
            _ => match awaiting(command) {
                Some(pending) => {
                    if self.pending == PendingCommand::LoadPassword {
                        self.password.clear();
                    }
                    self.pending = pending;
                }
                None => self.events.push(Event::UnknownToController(command)),
            },
        }
        self.settle();
    }

    fn write_data(&mut self, byte: u8) {
        self.commanded = false;
        match std::mem::replace(&mut self.pending, PendingCommand::None) {
            PendingCommand::None => {
                let translated = self.ram[0] & 0x40 != 0;
                self.keyboard.receive(byte, translated, &mut self.events);
                self.ram[0] &= !0x10;
            }
            PendingCommand::WriteRam(address) => {
                self.ram[usize::from(address)] = byte;
                if address == 0 {
                    self.system = byte & 4 != 0;
                }
            }
            PendingCommand::LoadPassword if byte != 0 => {
                if self.password.len() < 8 {
                    self.password.push(byte);
                }
                self.pending = PendingCommand::LoadPassword;
            }
            PendingCommand::LoadPassword => {}
            PendingCommand::WriteOutputPort => {
                self.set_port(byte);
                if byte & 1 == 0 {
                    self.request_reset();
                }
            }
            PendingCommand::WriteKeyboardBuffer => self.reply_with(byte, false),
            PendingCommand::WriteMouseBuffer => self.reply_with(byte, true),
            PendingCommand::WriteMouse => {
                self.mouse.receive(byte, &mut self.events);
                self.ram[0] &= !0x20;
            }
        }
        self.settle();
    }

    fn set_port(&mut self, value: u8) {
        self.port = value;
        self.a20.push(value & 2 != 0);
    }

    fn request_reset(&mut self) {
        self.resets += 1;
        self.events.push(Event::ResetRequested);
    }

    fn reply_with(&mut self, byte: u8, as_mouse: bool) {
        if self.reply.replace((byte, as_mouse)).is_some() {
            self.events.push(Event::ReplyLost);
        }
        if self.owner == OutputBuffer::Controller {}
    }

    fn has_password(&self) -> bool {
        self.pending != PendingCommand::LoadPassword && !self.password.is_empty()
    }

    fn lock(&mut self) {
        if !self.has_password() || self.typed.is_some() {
            return;
        }
        self.typed = Some(0);
        if matches!(self.owner, OutputBuffer::Keyboard | OutputBuffer::Mouse) {
            self.give_to(OutputBuffer::Empty);
        }
        self.announce(0x13);
    }

    fn announce(&mut self, address: usize) {
        if self.ram[address] != 0 {
            self.reply_with(self.ram[address], false);
        }
    }

    fn settle(&mut self) {
        while self.typed.is_some()
            && self.ram[0] & 0x10 == 0
            && let Some(byte) = self.keyboard.send()
        {
            self.type_one(byte);
        }
        if self.owner == OutputBuffer::Empty {
            match first_of(self.wants()) {
                OutputBuffer::Empty => {}
                owner => self.give_to(owner),
            }
        }
        self.note_emptied(self.had_data);
    }

    fn type_one(&mut self, byte: u8) {
        let Some(typed) = self.typed else { return };
        if byte > 0x7f || byte == self.ram[0x16] || byte == self.ram[0x17] {
            return;
        }
        let typed = if self.password[usize::from(typed)] == byte {
            typed + 1
        } else {
            u8::from(self.password[0] == byte)
        };
        self.typed = Some(typed);
        if usize::from(typed) == self.password.len() {
            self.typed = None;
            self.events.push(Event::PasswordMatched);
            self.announce(0x14);
        }
    }

    pub(super) fn key(&mut self, key: Key, pressed: bool) -> bool {
        let (translated, port) = (self.ram[0] & 0x40 != 0, self.ram[0] & 0x10 == 0);
        let taken = self.keyboard.key(key, pressed, translated, port, &mut self.events);
        self.settle();
        taken
    }

    pub(super) fn release_all(&mut self) -> bool {
        let (translated, port) = (self.ram[0] & 0x40 != 0, self.ram[0] & 0x10 == 0);
        let all = self.keyboard.release_all(translated, port);
        self.settle();
        all
    }

    pub(super) fn key_as_sent(&mut self, key: Key, pressed: bool, codes: &[u8]) -> bool {
        let translated = self.ram[0] & 0x40 != 0;
        let taken = self.keyboard.key_as_sent(key, pressed, codes, translated);
        if !taken {
            self.events.push(Event::KeyLost(key as u8, pressed));
        }
        self.settle();
        taken
    }

    pub(super) fn mouse(&mut self, input: &MouseInput) -> bool {
        self.mouse.count(input, &mut self.events);
        self.report_mouse()
    }

    pub(super) fn count_mouse(&mut self, input: &MouseInput) {
        self.mouse.count(input, &mut self.events);
    }

    pub(super) fn report_mouse(&mut self) -> bool {
        let reported = self.mouse.report(&mut self.events);
        self.settle();
        reported
    }

    pub(super) fn mouse_packet(&mut self, input: &MouseInput) -> bool {
        let queued = self.mouse.queue_packet(input, &mut self.events);
        self.settle();
        queued
    }
}

fn first_of(wants: [bool; 3]) -> OutputBuffer {
    match wants {
        [true, _, _] => OutputBuffer::Controller,
        [_, true, _] => OutputBuffer::Keyboard,
        [_, _, true] => OutputBuffer::Mouse,
        _ => OutputBuffer::Empty,
    }
}

/// The commands that are followed by a byte.
fn awaiting(command: u8) -> Option<PendingCommand> {
    Some(match command {
        0x60..=0x7f => PendingCommand::WriteRam(command - 0x60),
        0xd1 => PendingCommand::WriteOutputPort,
        0xd2 => PendingCommand::WriteKeyboardBuffer,
        0xd3 => PendingCommand::WriteMouseBuffer,
        0xd4 => PendingCommand::WriteMouse,
        _ => return None,
    })
}
