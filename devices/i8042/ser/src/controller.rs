//! The mirror of the whole state.

use devstate_i8042::{
    ByteQueue, ControllerReply, I8042State, InputPortPoll, InvalidState, KeyboardState, Lock, MouseState, OutputBuffer,
    PendingCommand, spec,
};
use devstate_versioning::Versioned;
use heapless::Vec;

use crate::bytes::{fill, to_wire, unknown};
use crate::keyboard::{self, KeyboardStateSer};
use crate::mouse::{self, MouseStateSer};

/// The wire form of [`I8042State`].
///
/// The mirrors of keyboard and mouse are its parts, and the enums of the state are numbers here. So a release table
/// needs a row for this mirror only.
///
/// | version | fields |
/// |---|---|
/// | 1 | the whole state |
/// | 2 | the same, with version 2 of [`KeyboardStateSer`] and [`MouseStateSer`] |
#[derive(Versioned, Clone, Debug, PartialEq, Eq)]
#[versioned(
    version = 2,
    layouts(0x9a6a_0295_fc9e_71e6, 0x2e70_8666_c26e_2671),
    parts(0x1aa5_917d_1fde_66a5, 0x5881_0c7d_ae1f_3136)
)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct I8042StateSer {
    /// The controller command byte.
    pub config: u8,
    /// The other 31 bytes of the controller's RAM.
    pub ram: [u8; 31],
    /// The output port.
    pub output_port: u8,
    /// The system flag.
    pub system_flag: bool,
    /// The last write went to the command port.
    pub last_write_was_command: bool,
    /// The command that polls the input port: C1 or C2; 0 for none.
    pub input_port_poll: u8,
    /// The command that waits for its data byte: 60 to 7F, A5, D1 to D4; 0 for none.
    pub pending_command: u8,
    /// The source of the byte in the output buffer: 0 none, 1 the controller, 2 the keyboard, 3 the mouse.
    pub output_buffer: u8,
    /// The controller's byte that counts as the keyboard's.
    pub keyboard_reply: Option<u8>,
    /// The controller's byte that counts as the mouse's. At most one of the two is `Some`.
    pub mouse_reply: Option<u8>,
    /// The last byte that the data port returned.
    pub last_read: u8,
    /// The password: installed, or the part that has been loaded.
    pub password: Vec<u8, 8>,
    /// If the password locks the keyboard: the number of its characters that have been typed.
    pub locked: Option<u8>,
    /// The keyboard.
    #[versioned(part = [1, 2])]
    pub keyboard: KeyboardStateSer,
    /// The mouse.
    #[versioned(part = [1, 2])]
    pub mouse: MouseStateSer,
}

impl I8042StateSer {
    /// Returns the mirror of a device's state.
    ///
    /// ```
    /// use devstate_i8042::I8042State;
    /// use devstate_i8042_ser::I8042StateSer;
    ///
    /// let mirror = I8042StateSer::new(&I8042State::RESET);
    /// assert_eq!(I8042State::try_from(&mirror), Ok(I8042State::RESET));
    /// ```
    #[must_use]
    pub fn new(state: &I8042State) -> Self {
        let I8042State {
            config,
            ram,
            output_port,
            system_flag,
            last_write_was_command,
            input_port_poll,
            pending_command,
            output_buffer,
            reply,
            last_read,
            password,
            lock,
            keyboard,
            mouse,
        } = state;
        // First what branches. What had been read before would have to wait for it on the stack.
        let mouse_queue = mouse::join(mouse);
        let keyboard_option = keyboard::option_code(keyboard.option);
        let pending_command = pending_code(*pending_command);
        let (keyboard_reply, mouse_reply) = match *reply {
            ControllerReply::None => (None, None),
            ControllerReply::Keyboard(byte) => (Some(byte), None),
            ControllerReply::Mouse(byte) => (None, Some(byte)),
        };
        Self {
            config: *config,
            ram: *ram,
            output_port: *output_port,
            system_flag: *system_flag,
            last_write_was_command: *last_write_was_command,
            input_port_poll: match input_port_poll {
                InputPortPoll::Off => 0,
                InputPortPoll::Low => spec::controller::POLL_INPUT_PORT_LOW,
                InputPortPoll::High => spec::controller::POLL_INPUT_PORT_HIGH,
            },
            pending_command,
            output_buffer: match output_buffer {
                OutputBuffer::Empty => 0,
                OutputBuffer::Controller => 1,
                OutputBuffer::Keyboard => 2,
                OutputBuffer::Mouse => 3,
            },
            keyboard_reply,
            mouse_reply,
            last_read: *last_read,
            password: to_wire(password),
            locked: match *lock {
                Lock::Open => None,
                Lock::Locked(typed) => Some(typed),
            },
            keyboard: KeyboardStateSer::with_option(keyboard, keyboard_option),
            mouse: MouseStateSer::with_queue(mouse, mouse_queue),
        }
    }
}

impl Default for I8042StateSer {
    /// Returns the mirror of [`I8042State::RESET`].
    fn default() -> Self {
        // Field by field: most are zero, and firmware needs no copy of the whole.
        Self {
            config: const { I8042State::RESET.config },
            ram: [0; 31],
            output_port: const { I8042State::RESET.output_port },
            system_flag: false,
            last_write_was_command: false,
            input_port_poll: 0,
            pending_command: 0,
            output_buffer: 0,
            keyboard_reply: None,
            mouse_reply: None,
            last_read: 0,
            password: Vec::new(),
            locked: None,
            keyboard: KeyboardStateSer::default(),
            mouse: MouseStateSer::default(),
        }
    }
}

impl From<&I8042State> for I8042StateSer {
    fn from(state: &I8042State) -> Self {
        Self::new(state)
    }
}

impl TryFrom<&I8042StateSer> for I8042State {
    type Error = InvalidState;

    /// Converts a mirror of the latest version, and validates the state.
    ///
    /// # Errors
    ///
    /// The first field with an impossible value. The value may be impossible by itself, or together with the other
    /// fields.
    fn try_from(mirror: &I8042StateSer) -> Result<Self, InvalidState> {
        let I8042StateSer {
            config,
            ram,
            output_port,
            system_flag,
            last_write_was_command,
            input_port_poll,
            pending_command,
            output_buffer,
            keyboard_reply,
            mouse_reply,
            last_read,
            password,
            locked,
            keyboard,
            mouse,
        } = mirror;
        let mut state = Self {
            config: *config,
            ram: *ram,
            output_port: *output_port,
            system_flag: *system_flag,
            last_write_was_command: *last_write_was_command,
            input_port_poll: match *input_port_poll {
                0 => InputPortPoll::Off,
                spec::controller::POLL_INPUT_PORT_LOW => InputPortPoll::Low,
                spec::controller::POLL_INPUT_PORT_HIGH => InputPortPoll::High,
                code => return unknown("input_port_poll", code),
            },
            pending_command: pending_of(*pending_command)?,
            output_buffer: match *output_buffer {
                0 => OutputBuffer::Empty,
                1 => OutputBuffer::Controller,
                2 => OutputBuffer::Keyboard,
                3 => OutputBuffer::Mouse,
                code => return unknown("output_buffer", code),
            },
            reply: match (*keyboard_reply, *mouse_reply) {
                (None, None) => ControllerReply::None,
                (Some(byte), None) => ControllerReply::Keyboard(byte),
                (None, Some(byte)) => ControllerReply::Mouse(byte),
                (Some(_), Some(byte)) => {
                    let reason = "there is a reply that counts as the keyboard's";
                    return Err(InvalidState::new("mouse_reply", byte.into(), reason));
                }
            },
            last_read: *last_read,
            password: ByteQueue::EMPTY,
            lock: locked.map_or(Lock::Open, Lock::Locked),
            keyboard: KeyboardState::RESET,
            mouse: MouseState::RESET,
        };
        fill(&mut state.password, password);
        keyboard::convert(keyboard, &mut state.keyboard)?;
        mouse::convert(mouse, &mut state.mouse)?;
        state.validate()?;
        Ok(state)
    }
}

const fn pending_code(command: PendingCommand) -> u8 {
    match command {
        PendingCommand::None => 0,
        PendingCommand::WriteRam(address) => spec::controller::WRITE_RAM | address,
        PendingCommand::LoadPassword => spec::controller::LOAD_PASSWORD,
        PendingCommand::WriteOutputPort => spec::controller::WRITE_OUTPUT_PORT,
        PendingCommand::WriteKeyboardBuffer => spec::controller::WRITE_KEYBOARD_BUFFER,
        PendingCommand::WriteMouseBuffer => spec::controller::WRITE_MOUSE_BUFFER,
        PendingCommand::WriteMouse => spec::controller::WRITE_MOUSE,
    }
}

fn pending_of(code: u8) -> Result<PendingCommand, InvalidState> {
    Ok(match code {
        0 => PendingCommand::None,
        spec::controller::WRITE_RAM..=spec::controller::WRITE_RAM_LAST => {
            PendingCommand::WriteRam(code - spec::controller::WRITE_RAM)
        }
        spec::controller::LOAD_PASSWORD => PendingCommand::LoadPassword,
        spec::controller::WRITE_OUTPUT_PORT => PendingCommand::WriteOutputPort,
        spec::controller::WRITE_KEYBOARD_BUFFER => PendingCommand::WriteKeyboardBuffer,
        spec::controller::WRITE_MOUSE_BUFFER => PendingCommand::WriteMouseBuffer,
        spec::controller::WRITE_MOUSE => PendingCommand::WriteMouse,
        _ => return unknown("pending_command", code),
    })
}
