//! Talking to a controller, and through it to keyboard and mouse: every wait ends.

use core::fmt;

use devstate_core::RegisterIo;

use crate::mouse::{MouseProtocol, QUEUE};
use crate::queue::ByteQueue;
use crate::scan_codes::ScanCodeSet;
use crate::spec::{self, config, controller, keyboard, mouse, status};

/// Who can fail to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Part {
    /// The controller.
    Controller,
    /// The keyboard.
    Keyboard,
    /// The mouse.
    Mouse,
}

/// A part of the hardware did not answer, or not as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoAnswer {
    /// Which part.
    pub from: Part,
    /// The last byte that it was sent.
    pub to: u8,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.from {
            Part::Controller => "controller",
            Part::Keyboard => "keyboard",
            Part::Mouse => "mouse",
        };
        write!(f, "no answer from the {part} to {:#04x}", self.to)
    }
}

impl core::error::Error for NoAnswer {}

/// Devices answer within 20 ms and need half a second for a reset; a port takes a microsecond.
const POLLS: u32 = 1_000_000;

/// For the next byte of an answer that has begun: a fifth of a second.
const POLLS_WITHIN_AN_ANSWER: u32 = 200_000;

/// How often a question is put: a device may ask for it again, refuse it, and hear it.
const TRIES: u32 = 4;

/// What the mouse does with a byte.
enum MouseReply {
    Acknowledged,
    /// In wrap mode it gives back what it is sent.
    Echoed,
    /// It is no command, or no argument of the one before.
    Refused,
}

/// What the mouse says when it is asked for its status.
pub(super) struct MouseStatus {
    pub(super) flags: u8,
    pub(super) resolution: u8,
    pub(super) sample_rate: u8,
    /// It was in wrap mode, and no longer is.
    pub(super) wrapped: bool,
    /// It waited for an argument, and took a question for it.
    pub(super) misunderstood: bool,
}

pub(super) struct Link<'r, R> {
    registers: &'r mut R,
    last_sent: u8,
    /// What the keyboard sent unasked.
    pub(super) codes: ByteQueue<{ keyboard::BUFFER as usize }>,
    /// What the mouse sent unasked.
    pub(super) packets: ByteQueue<QUEUE>,
}

impl<'r, R: RegisterIo<u8>> Link<'r, R> {
    pub(super) fn new(registers: &'r mut R) -> Self {
        Self {
            registers,
            last_sent: 0,
            codes: ByteQueue::EMPTY,
            packets: ByteQueue::EMPTY,
        }
    }

    /// Takes what keyboard and mouse have, whether or not their ports are open, and leaves these closed and the
    /// interrupts off.
    pub(super) fn silence(&mut self, config: u8) -> Result<(), NoAnswer> {
        self.configure(config & !QUIET)?;
        self.drain();
        self.configure(config & !QUIET | PORTS_DISABLED)?;
        self.drain();
        Ok(())
    }

    /// The command byte. A key that is typed meanwhile is not taken for it: the second answer comes while the ports are
    /// closed, so only which of them were is of the first.
    pub(super) fn config(&mut self) -> Result<u8, NoAnswer> {
        // Pulses nothing, and ends what C1 and C2 show in place of whose byte it is.
        self.command(controller::PULSE | 0x0f)?;
        self.drain();
        let earlier = self.codes.as_slice().len();
        let first = self.ask(controller::READ_RAM)?;
        self.command(controller::DISABLE_KEYBOARD)?;
        self.command(controller::DISABLE_MOUSE)?;
        self.drain();
        let second = self.ask(controller::READ_RAM)?;
        let is_answer = |byte: u8| byte | PORTS_DISABLED == second;
        if is_answer(first) {
            return Ok(first);
        }
        let (earlier, later) = self.codes.as_slice().split_at_checked(earlier).unwrap_or_default();
        let mut codes = ByteQueue::EMPTY;
        codes.push_all(earlier, keyboard::BUFFER);
        codes.push(first);
        let mut answer = None;
        for code in later {
            if answer.is_none() && is_answer(*code) {
                answer = Some(*code);
            } else {
                codes.push(*code);
            }
        }
        self.codes = codes;
        Ok(answer.unwrap_or(second & !config::KEYBOARD_DISABLED))
    }

    /// Takes what lies in the output buffer, and what moves up.
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
            self.packets.push(byte);
        }
    }

    pub(super) fn command(&mut self, command: u8) -> Result<(), NoAnswer> {
        self.send(spec::COMMAND, command)
    }

    pub(super) fn data(&mut self, byte: u8) -> Result<(), NoAnswer> {
        self.send(spec::DATA, byte)
    }

    fn send(&mut self, port: u16, byte: u8) -> Result<(), NoAnswer> {
        self.last_sent = byte;
        let free = |registers: &mut R| registers.read(spec::COMMAND) & status::INPUT_FULL == 0;
        if !(0..POLLS).any(|_| free(self.registers)) {
            return Err(self.no_answer(Part::Controller));
        }
        self.registers.write(port, byte);
        Ok(())
    }

    pub(super) fn configure(&mut self, config: u8) -> Result<(), NoAnswer> {
        self.command(controller::WRITE_RAM)?;
        self.data(config)
    }

    /// The controller's answer to a command.
    pub(super) fn ask(&mut self, command: u8) -> Result<u8, NoAnswer> {
        self.command(command)?;
        self.next_from(Part::Controller)
    }

    /// The next byte from that part; what others say meanwhile is kept.
    fn next_from(&mut self, part: Part) -> Result<u8, NoAnswer> {
        self.poll(part, POLLS).ok_or(self.no_answer(part))
    }

    fn poll(&mut self, part: Part, polls: u32) -> Option<u8> {
        for _ in 0..polls {
            let status = self.registers.read(spec::COMMAND);
            if status & status::OUTPUT_FULL == 0 {
                continue;
            }
            let byte = self.registers.read(spec::DATA);
            if (status & status::FROM_MOUSE != 0) == (part == Part::Mouse) {
                return Some(byte);
            }
            self.keep(status, byte);
        }
        None
    }

    /// Ends a command that waits for its option. Whether the keyboard is one that takes any byte for the option, and has
    /// taken one.
    pub(super) fn end_option(&mut self) -> Result<bool, NoAnswer> {
        for tries in 0..TRIES {
            self.data(keyboard::ECHO)?;
            if self.keyboard_reply()? == keyboard::ECHO {
                return Ok(tries != 0);
            }
        }
        Err(self.no_answer(Part::Keyboard))
    }

    /// The next byte that is a reply, and not a scan code.
    fn keyboard_reply(&mut self) -> Result<u8, NoAnswer> {
        for _ in 0..MOST_UNREAD {
            match self.next_from(Part::Keyboard)? {
                reply @ (keyboard::ACK | keyboard::NAK | keyboard::ECHO) => return Ok(reply),
                code => self.codes.push(code),
            }
        }
        Err(self.no_answer(Part::Keyboard))
    }

    /// Sends the keyboard a command. Whether it is one that it knows.
    pub(super) fn try_keyboard(&mut self, byte: u8) -> Result<bool, NoAnswer> {
        self.data(byte)?;
        let reply = self.keyboard_reply()?;
        Ok(reply == keyboard::ACK)
    }

    pub(super) fn keyboard(&mut self, byte: u8) -> Result<(), NoAnswer> {
        let known = self.try_keyboard(byte)?;
        if known {
            Ok(())
        } else {
            Err(self.no_answer(Part::Keyboard))
        }
    }

    pub(super) fn keyboard_pair(&mut self, command: u8, option: u8) -> Result<(), NoAnswer> {
        self.keyboard(command)?;
        self.keyboard(option)
    }

    /// The scan-code set, whether or not its number comes translated.
    pub(super) fn scan_code_set(&mut self) -> Result<ScanCodeSet, NoAnswer> {
        self.keyboard_pair(keyboard::SCAN_CODE_SET, 0)?;
        match self.next_from(Part::Keyboard)? {
            0x01 | 0x43 => Ok(ScanCodeSet::One),
            0x02 | 0x41 => Ok(ScanCodeSet::Two),
            0x03 | 0x3f => Ok(ScanCodeSet::Three),
            _ => Err(self.no_answer(Part::Keyboard)),
        }
    }

    /// Asks the mouse for its status until it gives it. A mouse that waits for an argument takes the question for it, and
    /// a mouse in wrap mode gives it back; afterwards it does neither.
    pub(super) fn mouse_status(&mut self) -> Result<MouseStatus, NoAnswer> {
        let (mut wrapped, mut misunderstood) = (false, false);
        for _ in 0..TRIES {
            match self.send_mouse(mouse::STATUS)? {
                MouseReply::Acknowledged => {
                    if let Some(flags) = self.poll(Part::Mouse, POLLS_WITHIN_AN_ANSWER) {
                        return Ok(MouseStatus {
                            flags,
                            resolution: self.mouse_answer()?,
                            sample_rate: self.mouse_answer()?,
                            wrapped,
                            misunderstood,
                        });
                    }
                    misunderstood = true;
                }
                MouseReply::Echoed => {
                    wrapped = true;
                    self.mouse(mouse::RESET_WRAP)?;
                }
                MouseReply::Refused => {}
            }
        }
        Err(self.no_answer(Part::Mouse))
    }

    fn send_mouse(&mut self, byte: u8) -> Result<MouseReply, NoAnswer> {
        self.command(controller::WRITE_MOUSE)?;
        self.data(byte)?;
        for _ in 0..MOST_UNREAD {
            match self.next_from(Part::Mouse)? {
                mouse::ACK => return Ok(MouseReply::Acknowledged),
                mouse::NAK | mouse::ERROR => return Ok(MouseReply::Refused),
                echo if echo == byte => return Ok(MouseReply::Echoed),
                packet => self.packets.push(packet),
            }
        }
        Err(self.no_answer(Part::Mouse))
    }

    pub(super) fn mouse(&mut self, byte: u8) -> Result<(), NoAnswer> {
        match self.send_mouse(byte)? {
            MouseReply::Acknowledged => Ok(()),
            MouseReply::Echoed | MouseReply::Refused => Err(self.no_answer(Part::Mouse)),
        }
    }

    pub(super) fn mouse_pair(&mut self, command: u8, argument: u8) -> Result<(), NoAnswer> {
        self.mouse(command)?;
        self.mouse(argument)
    }

    pub(super) fn mouse_answer(&mut self) -> Result<u8, NoAnswer> {
        self.next_from(Part::Mouse)
    }

    pub(super) fn mouse_protocol(&mut self) -> Result<MouseProtocol, NoAnswer> {
        self.mouse(mouse::IDENTIFY)?;
        match self.mouse_answer()? {
            0 => Ok(MouseProtocol::Standard),
            3 => Ok(MouseProtocol::IntelliMouse),
            4 => Ok(MouseProtocol::Explorer),
            _ => Err(self.no_answer(Part::Mouse)),
        }
    }

    /// The acknowledgement is followed by the result of a test and the identification.
    pub(super) fn reset_mouse(&mut self) -> Result<(), NoAnswer> {
        self.mouse(mouse::RESET)?;
        let (test, _id) = (self.mouse_answer()?, self.mouse_answer()?);
        if test == mouse::TEST_PASSED {
            Ok(())
        } else {
            Err(self.no_answer(Part::Mouse))
        }
    }

    fn no_answer(&self, from: Part) -> NoAnswer {
        NoAnswer {
            from,
            to: self.last_sent,
        }
    }
}

/// What is changed in the command byte while keyboard and mouse are talked to.
const QUIET: u8 = config::KEYBOARD_INTERRUPT | config::MOUSE_INTERRUPT | PORTS_DISABLED;

const PORTS_DISABLED: u8 = config::KEYBOARD_DISABLED | config::MOUSE_DISABLED;

/// More than keyboard and mouse keep.
const MOST_UNREAD: u32 = 64;

const _: () = assert!(MOST_UNREAD as usize > QUEUE + keyboard::BUFFER as usize);
