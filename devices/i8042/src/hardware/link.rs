//! Sends bytes to a controller, a keyboard and a mouse, and receives their replies. Every wait ends.

use core::fmt;

use devstate_core::RegisterIo;

use crate::mouse::{MouseProtocol, QUEUE};
use crate::scan_codes::ScanCodeSet;
use crate::spec::{self, config, controller, keyboard, mouse, status};
use devstate_core::ByteQueue;

/// A device behind the ports 60h and 64h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Device {
    /// The controller.
    Controller,
    /// The keyboard.
    Keyboard,
    /// The mouse.
    Mouse,
}

/// A device did not respond, or its response was not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoResponse {
    /// The device.
    pub device: Device,
    /// The last byte that was sent to it.
    pub sent: u8,
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = match self.device {
            Device::Controller => "controller",
            Device::Keyboard => "keyboard",
            Device::Mouse => "mouse",
        };
        write!(f, "no response from the {device} to {:#04x}", self.sent)
    }
}

impl core::error::Error for NoResponse {}

/// Polls before a response counts as missing. Devices respond within 20 ms and need half a second for a reset; an access
/// takes about a microsecond.
const POLLS: u32 = 1_000_000;

/// Polls for the next byte of a reply: a fifth of a second.
const POLLS_WITHIN_A_REPLY: u32 = 200_000;

/// Attempts per query (resend, reject, accept).
const ATTEMPTS: u32 = 4;

/// The mouse's response to a byte.
enum MouseReply {
    Acknowledged,
    /// The byte itself: the mouse is in wrap mode.
    Echoed,
    /// The byte is no command, or no valid argument.
    Refused,
}

/// The mouse's reply to a status request.
pub(super) struct MouseStatus {
    pub(super) flags: u8,
    pub(super) resolution: u8,
    pub(super) sample_rate: u8,
    /// The mouse was in wrap mode, and has left it.
    pub(super) wrapped: bool,
    /// The mouse waited for an argument, and consumed a request as the argument.
    pub(super) consumed: bool,
}

pub(super) struct Link<'r, R> {
    registers: &'r mut R,
    last_sent: u8,
    /// What the keyboard sent on its own.
    pub(super) codes: ByteQueue<{ keyboard::BUFFER as usize }>,
    /// What the mouse sent on its own.
    pub(super) mouse_bytes: ByteQueue<QUEUE>,
}

impl<'r, R: RegisterIo<u8>> Link<'r, R> {
    pub(super) fn new(registers: &'r mut R) -> Self {
        Self {
            registers,
            last_sent: 0,
            codes: ByteQueue::EMPTY,
            mouse_bytes: ByteQueue::EMPTY,
        }
    }

    /// Reads what keyboard and mouse have to send, also if their ports are disabled. Leaves the ports and the interrupts
    /// disabled.
    pub(super) fn silence(&mut self, config: u8) -> Result<(), NoResponse> {
        self.configure(config & !QUIET)?;
        self.drain();
        self.configure(config & !QUIET | PORTS_DISABLED)?;
        self.drain();
        Ok(())
    }

    /// Returns the command byte. A scan code that arrives during the query is not mistaken for it: the byte is read twice,
    /// the second time with both ports disabled, and only the two port bits are taken from the first reading.
    pub(super) fn config(&mut self) -> Result<u8, NoResponse> {
        // Pulses no line, and ends the display of the input port (C1, C2) in the status register.
        self.command(controller::PULSE | 0x0f)?;
        self.drain();
        let earlier = self.codes.as_slice().len();
        let first = self.query(controller::READ_RAM)?;
        self.command(controller::DISABLE_KEYBOARD)?;
        self.command(controller::DISABLE_MOUSE)?;
        self.drain();
        let second = self.query(controller::READ_RAM)?;
        let is_response = |byte: u8| byte | PORTS_DISABLED == second;
        if is_response(first) {
            return Ok(first);
        }
        let (earlier, later) = self.codes.as_slice().split_at_checked(earlier).unwrap_or_default();
        let mut codes = ByteQueue::EMPTY;
        codes.push_all(earlier, keyboard::BUFFER);
        codes.push(first);
        let mut response = None;
        for code in later {
            if response.is_none() && is_response(*code) {
                response = Some(*code);
            } else {
                codes.push(*code);
            }
        }
        self.codes = codes;
        Ok(response.unwrap_or(second & !config::KEYBOARD_DISABLED))
    }

    /// Reads the output buffer until it is empty.
    fn drain(&mut self) {
        for _ in 0..MOST_UNREAD {
            let status = self.registers.read(spec::COMMAND);
            if status & status::OUTPUT_FULL == 0 {
                break;
            }
            let byte = self.registers.read(spec::DATA);
            self.keep(status, byte);
        }
    }

    fn keep(&mut self, status: u8, byte: u8) {
        if status & status::FROM_MOUSE == 0 {
            self.codes.push(byte);
        } else {
            self.mouse_bytes.push(byte);
        }
    }

    pub(super) fn command(&mut self, command: u8) -> Result<(), NoResponse> {
        self.send(spec::COMMAND, command)
    }

    pub(super) fn data(&mut self, byte: u8) -> Result<(), NoResponse> {
        self.send(spec::DATA, byte)
    }

    fn send(&mut self, port: u16, byte: u8) -> Result<(), NoResponse> {
        self.last_sent = byte;
        let free = |registers: &mut R| registers.read(spec::COMMAND) & status::INPUT_FULL == 0;
        if !(0..POLLS).any(|_| free(self.registers)) {
            return Err(self.no_response(Device::Controller));
        }
        self.registers.write(port, byte);
        Ok(())
    }

    pub(super) fn configure(&mut self, config: u8) -> Result<(), NoResponse> {
        self.command(controller::WRITE_RAM)?;
        self.data(config)
    }

    /// Sends the controller a command and returns its reply.
    pub(super) fn query(&mut self, command: u8) -> Result<u8, NoResponse> {
        self.command(command)?;
        self.next_from(Device::Controller)
    }

    /// Returns the next byte from that device. Bytes from others are kept.
    fn next_from(&mut self, device: Device) -> Result<u8, NoResponse> {
        self.poll(device, POLLS).ok_or(self.no_response(device))
    }

    fn poll(&mut self, device: Device, polls: u32) -> Option<u8> {
        for _ in 0..polls {
            let status = self.registers.read(spec::COMMAND);
            if status & status::OUTPUT_FULL == 0 {
                continue;
            }
            let byte = self.registers.read(spec::DATA);
            if (status & status::FROM_MOUSE != 0) == (device == Device::Mouse) {
                return Some(byte);
            }
            self.keep(status, byte);
        }
        None
    }

    /// Ends a command that waits for its option. Returns `true` if the keyboard consumed a byte as the option.
    pub(super) fn end_option(&mut self) -> Result<bool, NoResponse> {
        for attempt in 0..ATTEMPTS {
            self.data(keyboard::ECHO)?;
            if self.keyboard_reply()? == keyboard::ECHO {
                return Ok(attempt != 0);
            }
        }
        Err(self.no_response(Device::Keyboard))
    }

    /// Returns the next byte that is a reply and not a scan code.
    fn keyboard_reply(&mut self) -> Result<u8, NoResponse> {
        for _ in 0..MOST_UNREAD {
            match self.next_from(Device::Keyboard)? {
                reply @ (keyboard::ACK | keyboard::NAK | keyboard::ECHO) => return Ok(reply),
                code => {
                    self.codes.push(code);
                }
            }
        }
        Err(self.no_response(Device::Keyboard))
    }

    /// Sends the keyboard a byte. Returns `true` if the keyboard acknowledges it, `false` if the keyboard rejects it.
    pub(super) fn try_keyboard(&mut self, byte: u8) -> Result<bool, NoResponse> {
        self.data(byte)?;
        let reply = self.keyboard_reply()?;
        Ok(reply == keyboard::ACK)
    }

    pub(super) fn keyboard(&mut self, byte: u8) -> Result<(), NoResponse> {
        let known = self.try_keyboard(byte)?;
        if known {
            Ok(())
        } else {
            Err(self.no_response(Device::Keyboard))
        }
    }

    pub(super) fn keyboard_pair(&mut self, command: u8, option: u8) -> Result<(), NoResponse> {
        self.keyboard(command)?;
        self.keyboard(option)
    }

    /// Returns the scan-code set, whether or not its number comes translated. `None` if the keyboard does not report it.
    pub(super) fn scan_code_set(&mut self) -> Result<Option<ScanCodeSet>, NoResponse> {
        let acknowledged = self.try_keyboard(keyboard::SCAN_CODE_SET)? && self.try_keyboard(0)?;
        if !acknowledged {
            return Ok(None);
        }
        Ok(match self.poll(Device::Keyboard, POLLS_WITHIN_A_REPLY) {
            Some(0x01 | 0x43) => Some(ScanCodeSet::One),
            Some(0x02 | 0x41) => Some(ScanCodeSet::Two),
            Some(0x03 | 0x3f) => Some(ScanCodeSet::Three),
            Some(code) => {
                self.codes.push(code);
                None
            }
            None => None,
        })
    }

    /// Requests the mouse's status until the mouse reports it. A mouse that waits for an argument may consume a request,
    /// and a mouse in wrap mode echoes it. Afterwards the mouse is in neither state.
    pub(super) fn mouse_status(&mut self) -> Result<MouseStatus, NoResponse> {
        let (mut wrapped, mut consumed) = (false, false);
        for _ in 0..ATTEMPTS {
            match self.send_mouse(mouse::STATUS)? {
                MouseReply::Acknowledged => {
                    if let Some(flags) = self.poll(Device::Mouse, POLLS_WITHIN_A_REPLY) {
                        return Ok(MouseStatus {
                            flags,
                            resolution: self.mouse_byte()?,
                            sample_rate: self.mouse_byte()?,
                            wrapped,
                            consumed,
                        });
                    }
                    consumed = true;
                }
                MouseReply::Echoed => {
                    wrapped = true;
                    self.mouse(mouse::RESET_WRAP)?;
                }
                MouseReply::Refused => {}
            }
        }
        Err(self.no_response(Device::Mouse))
    }

    fn send_mouse(&mut self, byte: u8) -> Result<MouseReply, NoResponse> {
        self.command(controller::WRITE_MOUSE)?;
        self.data(byte)?;
        for _ in 0..MOST_UNREAD {
            match self.next_from(Device::Mouse)? {
                mouse::ACK => return Ok(MouseReply::Acknowledged),
                mouse::NAK | mouse::ERROR => return Ok(MouseReply::Refused),
                echo if echo == byte => return Ok(MouseReply::Echoed),
                packet => {
                    self.mouse_bytes.push(packet);
                }
            }
        }
        Err(self.no_response(Device::Mouse))
    }

    pub(super) fn mouse(&mut self, byte: u8) -> Result<(), NoResponse> {
        match self.send_mouse(byte)? {
            MouseReply::Acknowledged => Ok(()),
            MouseReply::Echoed | MouseReply::Refused => Err(self.no_response(Device::Mouse)),
        }
    }

    pub(super) fn mouse_pair(&mut self, command: u8, argument: u8) -> Result<(), NoResponse> {
        self.mouse(command)?;
        self.mouse(argument)
    }

    pub(super) fn mouse_byte(&mut self) -> Result<u8, NoResponse> {
        self.next_from(Device::Mouse)
    }

    pub(super) fn mouse_protocol(&mut self) -> Result<MouseProtocol, NoResponse> {
        self.mouse(mouse::IDENTIFY)?;
        match self.mouse_byte()? {
            0 => Ok(MouseProtocol::Standard),
            3 => Ok(MouseProtocol::IntelliMouse),
            4 => Ok(MouseProtocol::Explorer),
            _ => Err(self.no_response(Device::Mouse)),
        }
    }

    /// Resets the mouse. The test result and the identification follow its acknowledgement.
    pub(super) fn reset_mouse(&mut self) -> Result<(), NoResponse> {
        self.mouse(mouse::RESET)?;
        let (test, _id) = (self.mouse_byte()?, self.mouse_byte()?);
        if test == mouse::TEST_PASSED {
            Ok(())
        } else {
            Err(self.no_response(Device::Mouse))
        }
    }

    fn no_response(&self, device: Device) -> NoResponse {
        NoResponse {
            device,
            sent: self.last_sent,
        }
    }
}

/// The bits of the command byte that are changed during a capture.
const QUIET: u8 = config::KEYBOARD_INTERRUPT | config::MOUSE_INTERRUPT | PORTS_DISABLED;

const PORTS_DISABLED: u8 = config::KEYBOARD_DISABLED | config::MOUSE_DISABLED;

/// More bytes than keyboard and mouse can hold.
const MOST_UNREAD: u32 = 64;

const _: () = assert!(MOST_UNREAD as usize > QUEUE + keyboard::BUFFER as usize);
