//! The controller: status, commands, output buffer, password.

use devstate_core::InterruptLine;

use crate::control::SystemControl;
use crate::device::I8042;
use crate::events::I8042Events;
use crate::spec::{config, controller, input_port, output_port, ram, status};
use crate::state::{ControllerReply, I8042State, InputPortPoll, Lock, OutputBuffer, PendingCommand};
use devstate_core::ByteQueue;

/// The bits of the status register that show the input port after C1 and C2.
const POLLED: u8 = 0xf0;

impl I8042State {
    /// Returns the status register ("Controller Status Register").
    #[inline]
    pub(crate) const fn status(&self) -> u8 {
        let mut value = 0;
        if !matches!(self.output_buffer, OutputBuffer::Empty) {
            value |= status::OUTPUT_FULL;
        }
        if self.system_flag {
            value |= status::SYSTEM_FLAG;
        }
        if self.last_write_was_command {
            value |= status::COMMAND;
        }
        if !self.is_locked() {
            value |= status::UNLOCKED;
        }
        if self.output_from_mouse() {
            value |= status::FROM_MOUSE;
        }
        match self.input_port_poll {
            InputPortPoll::Off => value,
            InputPortPoll::Low => value & !POLLED | input_port::VALUE << 4,
            InputPortPoll::High => value & !POLLED | input_port::VALUE & POLLED,
        }
    }

    /// Returns the output port. Its two interrupt bits follow the output buffer, whatever the guest has written.
    pub(crate) fn shown_output_port(&self) -> u8 {
        let mut value = self.output_port & !(output_port::KEYBOARD_FULL | output_port::MOUSE_FULL);
        if self.output_from_keyboard() {
            value |= output_port::KEYBOARD_FULL;
        }
        if self.output_from_mouse() {
            value |= output_port::MOUSE_FULL;
        }
        value
    }

    /// Returns a byte of the RAM. Byte 0 is the command byte.
    fn ram(&self, address: u8) -> u8 {
        match address.checked_sub(1) {
            None => self.config,
            Some(index) => self.ram.get(usize::from(index)).copied().unwrap_or(0),
        }
    }

    fn password_installed(&self) -> bool {
        !self.password.is_empty() && self.pending_command != PendingCommand::LoadPassword
    }

    /// Returns `true` if the comparison with the password skips the byte: break codes, replies, and the two codes in the
    /// RAM.
    fn is_ignored_while_locked(&self, byte: u8) -> bool {
        byte >= 0x80 || byte == self.ram(ram::IGNORED_1) || byte == self.ram(ram::IGNORED_2)
    }
}

impl<K: InterruptLine, M: InterruptLine, S: SystemControl, EV: I8042Events> I8042<K, M, S, EV> {
    /// Handles a write to the command port ("Controller Commands").
    pub(crate) fn command(&mut self, command: u8) {
        self.state.last_write_was_command = true;
        self.state.input_port_poll = InputPortPoll::Off;
        match command {
            controller::READ_RAM..=controller::READ_RAM_LAST => {
                self.reply(self.state.ram(command - controller::READ_RAM));
            }
            controller::WRITE_RAM..=controller::WRITE_RAM_LAST => {
                self.expect(PendingCommand::WriteRam(command - controller::WRITE_RAM));
            }
            controller::TEST_PASSWORD if self.state.password_installed() => {
                self.reply(controller::PASSWORD_INSTALLED);
            }
            controller::TEST_PASSWORD => self.reply(controller::NO_PASSWORD),
            controller::LOAD_PASSWORD if self.state.is_locked() => {}
            controller::LOAD_PASSWORD => {
                self.state.password = ByteQueue::EMPTY;
                self.state.pending_command = PendingCommand::LoadPassword;
            }
            controller::ENABLE_PASSWORD => self.enable_password(),
            controller::DISABLE_MOUSE => self.state.config |= config::MOUSE_DISABLED,
            controller::ENABLE_MOUSE => self.state.config &= !config::MOUSE_DISABLED,
            controller::DISABLE_KEYBOARD => self.state.config |= config::KEYBOARD_DISABLED,
            controller::ENABLE_KEYBOARD => self.state.config &= !config::KEYBOARD_DISABLED,
            controller::TEST_MOUSE_PORT | controller::TEST_KEYBOARD_PORT => {
                self.reply(controller::PORT_TEST_PASSED);
            }
            controller::SELF_TEST => {
                self.state.system_flag = true;
                self.reply(controller::SELF_TEST_PASSED);
            }
            controller::READ_INPUT_PORT => self.reply(input_port::VALUE),
            controller::POLL_INPUT_PORT_LOW => self.state.input_port_poll = InputPortPoll::Low,
            controller::POLL_INPUT_PORT_HIGH => self.state.input_port_poll = InputPortPoll::High,
            controller::READ_OUTPUT_PORT => self.reply(self.state.shown_output_port()),
            controller::WRITE_OUTPUT_PORT => self.expect(PendingCommand::WriteOutputPort),
            controller::WRITE_KEYBOARD_BUFFER => self.expect(PendingCommand::WriteKeyboardBuffer),
            controller::WRITE_MOUSE_BUFFER => self.expect(PendingCommand::WriteMouseBuffer),
            controller::WRITE_MOUSE => self.expect(PendingCommand::WriteMouse),
            controller::DISABLE_A20 => self.set_output_port(self.state.output_port & !output_port::A20),
            controller::ENABLE_A20 => self.set_output_port(self.state.output_port | output_port::A20),
            controller::READ_TEST_INPUTS => {
                let keyboard_clock = u8::from(self.state.keyboard_enabled());
                let mouse_clock = u8::from(self.state.mouse_enabled());
                self.reply(keyboard_clock | mouse_clock << 1);
            }
            controller::PULSE..=u8::MAX => {
                if command & output_port::NOT_RESET == 0 {
                    self.request_reset();
                }
            }
            _ => self.events.unknown_controller_command(command),
        }
        self.settle();
    }

    /// Waits for the data byte of a command. A password that was being loaded is discarded.
    fn expect(&mut self, command: PendingCommand) {
        if self.state.pending_command == PendingCommand::LoadPassword {
            self.state.password = ByteQueue::EMPTY;
        }
        self.state.pending_command = command;
    }

    /// Handles a write to the data port.
    pub(crate) fn write_data(&mut self, byte: u8) {
        self.state.last_write_was_command = false;
        let command = self.state.pending_command;
        self.state.pending_command = PendingCommand::None;
        match command {
            PendingCommand::None => {
                let translated = self.state.translates();
                self.state.keyboard.receive(byte, translated, &self.events);
                self.hold_back();
                // A byte for a device enables its port.
                self.state.config &= !config::KEYBOARD_DISABLED;
            }
            PendingCommand::WriteRam(address) => self.write_ram(address, byte),
            PendingCommand::LoadPassword => self.load_password(byte),
            PendingCommand::WriteOutputPort => {
                self.set_output_port(byte);
                if byte & output_port::NOT_RESET == 0 {
                    self.request_reset();
                }
            }
            PendingCommand::WriteKeyboardBuffer => self.reply(byte),
            PendingCommand::WriteMouseBuffer => self.set_reply(ControllerReply::Mouse(byte)),
            PendingCommand::WriteMouse => {
                self.state.mouse.receive(byte, &self.events);
                self.hold_back();
                self.state.config &= !config::MOUSE_DISABLED;
            }
        }
        self.settle();
    }

    fn write_ram(&mut self, address: u8, byte: u8) {
        if let Some(index) = address.checked_sub(1) {
            if let Some(place) = self.state.ram.get_mut(usize::from(index)) {
                *place = byte;
            }
        } else {
            self.state.config = byte;
            self.state.system_flag = byte & config::SYSTEM_FLAG != 0;
        }
    }

    fn set_output_port(&mut self, value: u8) {
        self.state.output_port = value;
        self.control.set_a20(self.state.a20());
    }

    fn request_reset(&mut self) {
        self.events.reset_requested();
        self.control.reset();
    }

    fn reply(&mut self, byte: u8) {
        self.set_reply(ControllerReply::Keyboard(byte));
    }

    /// Sets the controller's byte. It replaces one that was not read.
    fn set_reply(&mut self, reply: ControllerReply) {
        if self.state.reply != ControllerReply::None {
            self.events.controller_reply_lost();
        }
        self.state.reply = reply;
    }

    /// Handles a read of the data port. The interrupt line falls even if the next byte raises it again at once: an
    /// edge-triggered interrupt controller must see each byte.
    #[inline]
    pub(crate) fn read_data(&mut self) -> u8 {
        if self.state.output_buffer == OutputBuffer::Empty {
            self.events.nothing_to_read();
        } else {
            self.take_byte();
        }
        self.state.last_read
    }

    #[inline(never)]
    fn take_byte(&mut self) {
        let source = self.state.output_buffer;
        let byte = match source {
            OutputBuffer::Empty => None,
            OutputBuffer::Controller => self.take_reply(),
            OutputBuffer::Keyboard => self.state.keyboard.send(),
            OutputBuffer::Mouse => self.state.mouse.send(),
        };
        if let Some(byte) = byte {
            self.state.last_read = byte;
            self.state.output_buffer = OutputBuffer::Empty;
            self.drive_lines((false, false));
            self.last_sender = source;
            if source != OutputBuffer::Controller {
                self.hold_back();
            }
            self.fill_output_buffer();
            self.finish();
        }
    }

    fn take_reply(&mut self) -> Option<u8> {
        let reply = self.state.reply;
        self.state.reply = ControllerReply::None;
        match reply {
            ControllerReply::None => None,
            ControllerReply::Keyboard(byte) | ControllerReply::Mouse(byte) => Some(byte),
        }
    }

    /// Completes a call that may have queued a byte or changed the configuration.
    pub(crate) fn settle(&mut self) {
        if self.state.is_locked() {
            self.compare_with_password();
        }
        if self.state.output_buffer == OutputBuffer::Empty {
            self.fill_output_buffer();
        }
        self.update_lines();
        self.finish();
    }

    /// Puts the next byte into the empty output buffer, unless keyboard and mouse are held back.
    fn fill_output_buffer(&mut self) {
        let next = self.state.next_output(self.last_sender);
        if next == OutputBuffer::Empty {
            self.last_sender = OutputBuffer::Empty;
        } else if next == OutputBuffer::Controller || !self.is_held_back() {
            self.pass_output_buffer(next);
        }
    }

    fn pass_output_buffer(&mut self, owner: OutputBuffer) {
        self.state.output_buffer = owner;
        self.update_lines();
    }

    /// Adds a character to the password. A null ends it; what does not fit is dropped.
    fn load_password(&mut self, byte: u8) {
        if byte != 0 {
            self.state.password.push(byte);
            self.state.pending_command = PendingCommand::LoadPassword;
        }
    }

    /// Locks keyboard and mouse until the password is typed ("Keyboard Password").
    fn enable_password(&mut self) {
        if !self.state.password_installed() || self.state.is_locked() {
            return;
        }
        self.state.lock = Lock::Locked(0);
        if matches!(self.state.output_buffer, OutputBuffer::Keyboard | OutputBuffer::Mouse) {
            self.pass_output_buffer(OutputBuffer::Empty);
        }
        self.announce(ram::SECURITY_ON);
    }

    fn announce(&mut self, address: u8) {
        let byte = self.state.ram(address);
        if byte != 0 {
            self.reply(byte);
        }
    }

    fn compare_with_password(&mut self) {
        while let Lock::Locked(typed) = self.state.lock
            && self.state.keyboard_enabled()
            && let Some(byte) = self.state.keyboard.send()
        {
            if self.state.is_ignored_while_locked(byte) {
                continue;
            }
            let password = self.state.password.as_slice();
            let typed = if password.get(usize::from(typed)) == Some(&byte) {
                typed + 1
            } else {
                u8::from(password.first() == Some(&byte))
            };
            if usize::from(typed) < password.len() {
                self.state.lock = Lock::Locked(typed);
            } else {
                self.state.lock = Lock::Open;
                self.events.password_matched();
                self.announce(ram::SECURITY_OFF);
            }
        }
    }
}
