//! Talking to a controller, and through it to keyboard and mouse: every wait ends.

use core::fmt;

use devstate_core::RegisterIo;

use crate::mouse::{MouseProtocol, QUEUE};
use crate::queue::ByteQueue;
use crate::scan_codes::ScanCodeSet;
use crate::spec::{self, controller, keyboard, mouse, status};

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

    /// Takes what lies in the output buffer, and what moves up.
    pub(super) fn drain(&mut self) {
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
        for _ in 0..POLLS {
            let status = self.registers.read(spec::COMMAND);
            if status & status::OUTPUT_FULL == 0 {
                continue;
            }
            let byte = self.registers.read(spec::DATA);
            if (status & status::FROM_MOUSE != 0) == (part == Part::Mouse) {
                return Ok(byte);
            }
            self.keep(status, byte);
        }
        Err(self.no_answer(part))
    }

    /// Sends the keyboard a command. Whether it is one that it knows.
    pub(super) fn try_keyboard(&mut self, byte: u8) -> Result<bool, NoAnswer> {
        self.data(byte)?;
        for _ in 0..MOST_UNREAD {
            match self.next_from(Part::Keyboard)? {
                keyboard::ACK => return Ok(true),
                keyboard::NAK => return Ok(false),
                code => self.codes.push(code),
            }
        }
        Err(self.no_answer(Part::Keyboard))
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

    /// Sends the mouse a command. `false` where it gives the command back instead, since it is in wrap mode.
    pub(super) fn try_mouse(&mut self, byte: u8) -> Result<bool, NoAnswer> {
        self.command(controller::WRITE_MOUSE)?;
        self.data(byte)?;
        for _ in 0..MOST_UNREAD {
            match self.next_from(Part::Mouse)? {
                mouse::ACK => return Ok(true),
                echo if echo == byte => return Ok(false),
                packet => self.packets.push(packet),
            }
        }
        Err(self.no_answer(Part::Mouse))
    }

    pub(super) fn mouse(&mut self, byte: u8) -> Result<(), NoAnswer> {
        let known = self.try_mouse(byte)?;
        if known {
            Ok(())
        } else {
            Err(self.no_answer(Part::Mouse))
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

/// More than keyboard and mouse keep.
const MOST_UNREAD: u32 = 64;

const _: () = assert!(MOST_UNREAD as usize > QUEUE + keyboard::BUFFER as usize);
