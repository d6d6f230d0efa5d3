//! The state of a controller and its two devices.

use devstate_core::InvalidState;

use crate::keyboard::{KeyboardState, Link};
use crate::mouse::MouseState;
use crate::spec::{config, output_port, ram};
use devstate_core::ByteQueue;

/// The controller's command that waits for its data byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PendingCommand {
    /// None: a data byte goes to the keyboard.
    None,
    /// 60 to 7F: the data byte goes into the RAM, at this address: 0 (the command byte) to 31.
    WriteRam(u8),
    /// A5: the data byte is a character of the password. A null ends the password.
    LoadPassword,
    /// D1: the data byte goes to the output port.
    WriteOutputPort,
    /// D2: the data byte goes into the output buffer, as from the keyboard.
    WriteKeyboardBuffer,
    /// D3: the data byte goes into the output buffer, as from the mouse.
    WriteMouseBuffer,
    /// D4: the data byte goes to the mouse.
    WriteMouse,
}

/// The source of the byte that the next read of the data port returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OutputBuffer {
    /// None: the output buffer is empty.
    Empty,
    /// The controller: its reply.
    Controller,
    /// The keyboard: its oldest byte.
    Keyboard,
    /// The mouse: its oldest byte.
    Mouse,
}

/// A byte from the controller itself that the guest has not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ControllerReply {
    /// None.
    None,
    /// A reply to a command, or a byte written with D2. It counts as the keyboard's.
    Keyboard(u8),
    /// A byte written with D3. It counts as the mouse's.
    Mouse(u8),
}

/// Stores whether the guest polls the input port. After the command C1 or C2, the upper four bits of the status
/// register show one half of the input port, until the next command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum InputPortPoll {
    /// None: the status register shows its own bits.
    Off,
    /// The lower half, after C1.
    Low,
    /// The upper half, after C2.
    High,
}

/// The password lock of keyboard and mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Lock {
    /// Unlocked.
    Open,
    /// Locked. This many characters of the password have been typed.
    Locked(u8),
}

/// The longest password, in scan codes.
pub const MAX_PASSWORD: usize = 8;

/// The state of an i8042 with keyboard and mouse.
///
/// It holds primary values only. The status register, the interrupt lines and gate A20 are computed from it.
///
/// ```
/// use devstate_i8042::I8042State;
///
/// let mut state = I8042State::RESET;
/// assert_eq!(state.validate(), Ok(()));
/// state.mouse.resolution = 4;
/// let error = state.validate().unwrap_err();
/// assert_eq!(error.to_string(), "invalid state: mouse.resolution is 4: the resolutions are 0 to 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct I8042State {
    /// The controller command byte: byte 0 of the RAM. Any value.
    pub config: u8,
    /// The other 31 bytes of the RAM. Any values.
    pub ram: [u8; ram::LEN],
    /// The output port. Any value, as the guest may have written it. Bits 4 and 5 follow the output buffer: a device
    /// ignores them here.
    pub output_port: u8,
    /// The status register's system flag.
    pub system_flag: bool,
    /// The last write went to the command port.
    pub last_write_was_command: bool,
    /// The half of the input port that the status register shows.
    pub input_port_poll: InputPortPoll,
    /// The command that waits for its data byte.
    pub pending_command: PendingCommand,
    /// The source of the byte in the output buffer.
    pub output_buffer: OutputBuffer,
    /// The controller's byte for the output buffer.
    pub reply: ControllerReply,
    /// The byte that the data port returned last. A read of the empty output buffer returns it again.
    pub last_read: u8,
    /// The password: installed, or the part that has been loaded.
    pub password: ByteQueue<MAX_PASSWORD>,
    /// The password lock.
    pub lock: Lock,
    /// The keyboard.
    pub keyboard: KeyboardState,
    /// The mouse.
    pub mouse: MouseState,
}

impl I8042State {
    /// The state after power-on.
    pub const RESET: Self = Self {
        config: config::RESET,
        ram: [0; ram::LEN],
        output_port: output_port::RESET,
        system_flag: false,
        last_write_was_command: false,
        input_port_poll: InputPortPoll::Off,
        pending_command: PendingCommand::None,
        output_buffer: OutputBuffer::Empty,
        reply: ControllerReply::None,
        last_read: 0,
        password: ByteQueue::EMPTY,
        lock: Lock::Open,
        keyboard: KeyboardState::RESET,
        mouse: MouseState::RESET,
    };

    /// Checks that a real device could be in this state.
    ///
    /// # Errors
    ///
    /// The first field with an impossible value. The value may be impossible by itself, or together with the other
    /// fields.
    pub fn validate(&self) -> Result<(), InvalidState> {
        if let PendingCommand::WriteRam(address) = self.pending_command
            && usize::from(address) > ram::LEN
        {
            let reason = "the RAM has 32 bytes";
            return Err(InvalidState::new("pending_command", address.into(), reason));
        }
        self.validate_password()?;
        self.keyboard.validate()?;
        self.mouse.validate()?;
        self.validate_output_buffer()
    }

    fn validate_password(&self) -> Result<(), InvalidState> {
        self.password
            .validate(MAX_PASSWORD as u8, "password.len", "password.bytes")?;
        for (index, byte) in (0u16..).zip(self.password.as_slice()) {
            if *byte == 0 {
                return Err(InvalidState::new("password.bytes", 0, "a null ends the password").at(index));
            }
        }
        let Lock::Locked(typed) = self.lock else {
            return Ok(());
        };
        if typed >= self.password.len {
            let reason = "shorter than the password";
            return Err(InvalidState::new("lock", typed.into(), reason));
        }
        if self.pending_command == PendingCommand::LoadPassword {
            let reason = "no password is loaded while one locks";
            return Err(InvalidState::new("lock", typed.into(), reason));
        }
        Ok(())
    }

    fn validate_output_buffer(&self) -> Result<(), InvalidState> {
        let invalid = |value, reason| Err(InvalidState::new("output_buffer", value, reason));
        match self.output_buffer {
            OutputBuffer::Empty if self.next_output(OutputBuffer::Empty) != OutputBuffer::Empty => {
                return invalid(0, "not empty while a device has a byte for it");
            }
            OutputBuffer::Controller if self.reply == ControllerReply::None => {
                return invalid(1, "the controller has no byte");
            }
            OutputBuffer::Keyboard if !self.keyboard.has_data() => {
                return invalid(2, "the keyboard has no byte");
            }
            OutputBuffer::Mouse if !self.mouse.has_data() => {
                return invalid(3, "the mouse has no byte");
            }
            OutputBuffer::Keyboard if self.is_locked() => {
                return invalid(2, "the keyboard is locked");
            }
            OutputBuffer::Mouse if self.is_locked() => {
                return invalid(3, "the mouse is locked");
            }
            _ => {}
        }
        if self.is_locked() && self.keyboard_enabled() && self.keyboard.has_data() {
            let waiting = self.keyboard.replies.len + self.keyboard.codes.len;
            let reason = "while locked, what the keyboard sends is compared at once";
            return Err(InvalidState::new("keyboard.codes.len", waiting.into(), reason));
        }
        Ok(())
    }
}

impl Default for I8042State {
    /// Returns [`I8042State::RESET`].
    fn default() -> Self {
        Self::RESET
    }
}

/// Values that are computed from the state.
impl I8042State {
    #[inline]
    pub(crate) const fn keyboard_enabled(&self) -> bool {
        self.config & config::KEYBOARD_DISABLED == 0
    }

    #[inline]
    pub(crate) const fn mouse_enabled(&self) -> bool {
        self.config & config::MOUSE_DISABLED == 0
    }

    #[inline]
    pub(crate) const fn translates(&self) -> bool {
        self.config & config::TRANSLATE != 0
    }

    /// Returns how the controller passes scan codes on.
    pub(crate) const fn link(&self) -> Link {
        Link {
            translated: self.translates(),
            inhibited: !self.keyboard_enabled(),
        }
    }

    #[inline]
    pub(crate) const fn is_locked(&self) -> bool {
        matches!(self.lock, Lock::Locked(_))
    }

    /// Returns the source of the next byte for the output buffer: the controller first, then the keyboard, then the
    /// mouse; but after a byte of the keyboard, the mouse before the keyboard.
    pub(crate) const fn next_output(&self, last: OutputBuffer) -> OutputBuffer {
        if !matches!(self.reply, ControllerReply::None) {
            return OutputBuffer::Controller;
        }
        if self.is_locked() {
            return OutputBuffer::Empty;
        }
        let keyboard = self.keyboard_enabled() && self.keyboard.has_data();
        let mouse = self.mouse_enabled() && self.mouse.has_data();
        let mouse_first = mouse && matches!(last, OutputBuffer::Keyboard);
        if keyboard && !mouse_first {
            OutputBuffer::Keyboard
        } else if mouse {
            OutputBuffer::Mouse
        } else {
            OutputBuffer::Empty
        }
    }

    /// Returns `true` if the output buffer holds a byte that counts as the keyboard's.
    #[inline]
    pub(crate) const fn output_from_keyboard(&self) -> bool {
        matches!(self.output_buffer, OutputBuffer::Keyboard)
            || matches!(self.output_buffer, OutputBuffer::Controller)
                && !matches!(self.reply, ControllerReply::Mouse(_))
    }

    /// Returns `true` if the output buffer holds a byte that counts as the mouse's.
    #[inline]
    pub(crate) const fn output_from_mouse(&self) -> bool {
        matches!(self.output_buffer, OutputBuffer::Mouse)
            || matches!(self.output_buffer, OutputBuffer::Controller) && matches!(self.reply, ControllerReply::Mouse(_))
    }

    /// Returns the levels of IRQ 1 and IRQ 12.
    #[inline]
    pub(crate) const fn interrupt_levels(&self) -> (bool, bool) {
        (
            self.output_from_keyboard() && self.config & config::KEYBOARD_INTERRUPT != 0,
            self.output_from_mouse() && self.config & config::MOUSE_INTERRUPT != 0,
        )
    }

    #[inline]
    pub(crate) const fn a20(&self) -> bool {
        self.output_port & output_port::A20 != 0
    }
}
