//! Captures the state from a real i8042 with its keyboard and mouse, and applies it to one.

mod link;

use core::fmt;

use devstate_core::{InvalidState, RegisterIo, Unapplied};

use crate::key::KeySet;
use crate::keyboard::{KeyboardOption, KeyboardState};
use crate::mouse::{MouseArgument, MouseProtocol, MouseState, RateSequence};
use crate::mouse_input::MouseButtons;
use crate::scan_codes::ScanCodeSet;
use crate::spec::{self, controller, keyboard, mouse, output_port, status};
use crate::state::{ControllerReply, I8042State, InputPortPoll, Lock, OutputBuffer, PendingCommand};
use devstate_core::ByteQueue;

pub use link::{Device, NoResponse};
use link::{Link, MouseStatus};

/// The reason why a state could not be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ApplyError {
    /// The state is invalid. The hardware was not accessed.
    InvalidState(InvalidState),
    /// A device did not respond. The hardware has a part of the state.
    NoResponse(NoResponse),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidState(error) => error.fmt(f),
            Self::NoResponse(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::InvalidState(error) => error.source(),
            Self::NoResponse(error) => error.source(),
        }
    }
}

impl From<InvalidState> for ApplyError {
    fn from(error: InvalidState) -> Self {
        Self::InvalidState(error)
    }
}

impl From<NoResponse> for ApplyError {
    fn from(error: NoResponse) -> Self {
        Self::NoResponse(error)
    }
}

impl I8042State {
    /// Captures the state of a real controller and its devices.
    ///
    /// `known` is the state that the firmware applied last, or [`RESET`](Self::RESET). The capture takes from it the
    /// values that the hardware does not show: the keyboard's LEDs, typematic setting, key types and scanning, the
    /// controller's RAM and password, and the horizontal wheel of an Explorer mouse. If the keyboard does not report
    /// its scan-code set, it is taken from `known` too.
    ///
    /// Unread scan codes and packets move from the hardware into the state. A command that still waits for its second
    /// byte is ended. If a device used a probe as the missing byte, the changed setting is restored from `known`. The
    /// status register no longer shows the input port. Everything else stays as it was. Interrupts are disabled during
    /// the capture.
    ///
    /// ```
    /// use devstate_core::RegisterIo;
    /// use devstate_i8042::{ApplyError, I8042State, Unapplied};
    ///
    /// # fn sleep(mut ports: impl RegisterIo<u8>) -> Result<(), ApplyError> {
    /// let state = I8042State::capture(&mut ports, &I8042State::RESET)?;
    /// // … the machine is reset …
    /// assert_eq!(state.apply(&mut ports)?, Unapplied::NONE);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The controller, the keyboard or the mouse does not respond. The command byte is restored, and the machine's driver
    /// can continue; unread bytes are lost. For a machine without a mouse, use
    /// [`capture_without_mouse`](Self::capture_without_mouse).
    pub fn capture(registers: &mut impl RegisterIo<u8>, known: &Self) -> Result<Self, NoResponse> {
        Self::capture_with(registers, known, |link| capture_mouse(link, &known.mouse))
    }

    /// Like [`capture`](Self::capture), for a machine without a mouse. The mouse's port is not accessed, and the mouse's
    /// state is taken from `known`.
    ///
    /// # Errors
    ///
    /// The controller or the keyboard does not respond, as for `capture`.
    pub fn capture_without_mouse(registers: &mut impl RegisterIo<u8>, known: &Self) -> Result<Self, NoResponse> {
        Self::capture_with(registers, known, |_| Ok(known.mouse))
    }

    fn capture_with<R: RegisterIo<u8>>(
        registers: &mut R,
        known: &Self,
        capture_mouse: impl FnOnce(&mut Link<'_, R>) -> Result<MouseState, NoResponse>,
    ) -> Result<Self, NoResponse> {
        let before = registers.read(spec::COMMAND);
        let mut link = Link::new(registers);
        let config = link.config()?;
        link.silence(config)?;
        let captured = query(&mut link, &known.keyboard, capture_mouse);
        // Also after an error: the machine is not left without a keyboard.
        let restored = link.configure(config);
        let (output_port, scan_code_set, mouse) = captured?;
        restored?;

        let mut state = Self {
            config,
            output_port,
            system_flag: before & status::SYSTEM_FLAG != 0,
            last_write_was_command: before & status::COMMAND != 0,
            input_port_poll: InputPortPoll::Off,
            pending_command: PendingCommand::None,
            output_buffer: OutputBuffer::Empty,
            reply: ControllerReply::None,
            lock: Lock::Open,
            keyboard: KeyboardState {
                option: KeyboardOption::None,
                scan_code_set,
                replies: ByteQueue::EMPTY,
                codes: link.codes,
                overrun: None,
                held: KeySet::EMPTY,
                sys_rq: false,
                ..known.keyboard
            },
            mouse: MouseState {
                replies: link.mouse_bytes,
                ..mouse
            },
            ..*known
        };
        if known.pending_command == PendingCommand::LoadPassword {
            state.password = ByteQueue::EMPTY;
        }
        state.output_buffer = state.next_output(OutputBuffer::Empty);
        state.output_port = state.shown_output_port();
        Ok(state)
    }

    /// Writes this state to a real controller and its devices with any settings, and returns the fields that could not be
    /// written. Interrupts are enabled last.
    ///
    /// The line that resets the processor stays high, whatever the state's output port says. Gate A20 is set as in the
    /// state: firmware that runs above 1 MiB must make sure that it is open.
    ///
    /// # Errors
    ///
    /// - `InvalidState`: nothing was accessed.
    /// - `NoResponse` from the mouse: everything except the mouse is in this state. For a machine without a mouse, this
    ///   is success.
    /// - `NoResponse` from another device: a part of the state was applied.
    pub fn apply(&self, registers: &mut impl RegisterIo<u8>) -> Result<Unapplied, ApplyError> {
        self.validate()?;
        let mut link = Link::new(registers);
        link.silence(self.config)?;
        let lines = output_port::KEYBOARD_FULL | output_port::MOUSE_FULL;
        link.command(controller::WRITE_OUTPUT_PORT)?;
        link.data(self.output_port & !lines | output_port::NOT_RESET)?;
        let (scan_code_set, key_types) = self.keyboard.apply(&mut link)?;
        let mouse = self.mouse.apply(&mut link);
        self.finish(&mut link)?;
        mouse?;
        let shown = registers.read(spec::COMMAND) & status::SYSTEM_FLAG != 0;
        let (keyboard, mouse) = (&self.keyboard, &self.mouse);
        let loads_password = self.pending_command == PendingCommand::LoadPassword;
        Ok(Unapplied::NONE
            .with("reply", (self.reply != ControllerReply::None).into())
            .with("ram", self.ram.iter().any(|byte| *byte != 0).into())
            .with("password", self.password.len)
            .with("pending_command", loads_password.into())
            .with("system_flag", (shown != self.system_flag).into())
            .with("keyboard.option", (keyboard.option != KeyboardOption::None).into())
            .with("keyboard.scan_code_set", (!scan_code_set).into())
            .with("keyboard.without_repeat", (!key_types).into())
            .with("keyboard.replies", keyboard.replies.len)
            .with("keyboard.codes", keyboard.codes.len)
            .with("keyboard.overrun", keyboard.overrun.is_some().into())
            .with("mouse.argument", (mouse.argument != MouseArgument::None).into())
            .with(
                "mouse.rate_sequence",
                (mouse.rate_sequence != RateSequence::None).into(),
            )
            .with("mouse.dx", mouse.unreported().into())
            .with("mouse.replies", mouse.replies.len)
            .with("mouse.packets", mouse.packets.len))
    }

    /// Does the last writes: the command byte, and the command that waits for its data.
    fn finish<R: RegisterIo<u8>>(&self, link: &mut Link<'_, R>) -> Result<(), NoResponse> {
        link.configure(self.config)?;
        let half_sent = match self.pending_command {
            PendingCommand::None => None,
            PendingCommand::WriteRam(address) => Some(controller::WRITE_RAM | address),
            PendingCommand::WriteOutputPort => Some(controller::WRITE_OUTPUT_PORT),
            PendingCommand::WriteKeyboardBuffer => Some(controller::WRITE_KEYBOARD_BUFFER),
            PendingCommand::WriteMouseBuffer => Some(controller::WRITE_MOUSE_BUFFER),
            PendingCommand::WriteMouse => Some(controller::WRITE_MOUSE),
            PendingCommand::LoadPassword => return Ok(()),
        };
        let enable_keyboard = if self.keyboard_enabled() {
            controller::ENABLE_KEYBOARD
        } else {
            controller::DISABLE_KEYBOARD
        };
        match half_sent {
            Some(command) => link.command(command),
            None if self.last_write_was_command => link.command(enable_keyboard),
            None => Ok(()),
        }
    }
}

impl KeyboardState {
    /// Returns whether the scan-code set and the key types could be set.
    fn apply<R: RegisterIo<u8>>(&self, link: &mut Link<'_, R>) -> Result<(bool, bool), NoResponse> {
        link.end_option()?;
        link.keyboard(keyboard::DEFAULT_DISABLE)?;
        let number = self.scan_code_set.number();
        let selected = link.try_keyboard(keyboard::SCAN_CODE_SET)? && link.try_keyboard(number)?;
        link.keyboard_pair(keyboard::SET_LEDS, self.leds)?;
        link.keyboard_pair(keyboard::SET_TYPEMATIC, self.typematic)?;
        let all_keys = [
            (KeySet::ALL, KeySet::EMPTY, keyboard::ALL_TYPEMATIC),
            (KeySet::EMPTY, KeySet::ALL, keyboard::ALL_MAKE_BREAK),
            (KeySet::ALL, KeySet::ALL, keyboard::ALL_MAKE),
        ];
        let mut applied = self.without_break == KeySet::EMPTY && self.without_repeat == KeySet::EMPTY;
        for (without_break, without_repeat, command) in all_keys {
            if (self.without_break, self.without_repeat) == (without_break, without_repeat) {
                applied = link.try_keyboard(command)?;
            }
        }
        if self.scanning {
            link.keyboard(keyboard::ENABLE)?;
        }
        // A keyboard that has only one set has set 2.
        Ok((selected || self.scan_code_set == ScanCodeSet::Two, applied))
    }
}

/// Returns the output port, the scan-code set and the mouse.
fn query<R: RegisterIo<u8>>(
    link: &mut Link<'_, R>,
    known: &KeyboardState,
    capture_mouse: impl FnOnce(&mut Link<'_, R>) -> Result<MouseState, NoResponse>,
) -> Result<(u8, ScanCodeSet, MouseState), NoResponse> {
    let output_port = link.query(controller::READ_OUTPUT_PORT)?;
    if link.end_option()? {
        link.keyboard_pair(keyboard::SET_LEDS, known.leds & keyboard::LEDS)?;
        link.keyboard_pair(keyboard::SET_TYPEMATIC, known.typematic & keyboard::TYPEMATIC)?;
    }
    let scan_code_set = link.scan_code_set()?.unwrap_or(known.scan_code_set);
    Ok((output_port, scan_code_set, capture_mouse(link)?))
}

fn capture_mouse<R: RegisterIo<u8>>(link: &mut Link<'_, R>, known: &MouseState) -> Result<MouseState, NoResponse> {
    let MouseStatus {
        flags,
        mut resolution,
        mut sample_rate,
        wrapped: wrap,
        consumed,
    } = link.mouse_status()?;
    if consumed && sample_rate == mouse::STATUS {
        sample_rate = known.sample_rate;
        link.mouse_pair(mouse::SET_SAMPLE_RATE, sample_rate)?;
    }
    if consumed && resolution == mouse::STATUS {
        resolution = known.resolution.min(mouse::RESOLUTION_MAX);
        link.mouse_pair(mouse::SET_RESOLUTION, resolution)?;
    }
    let mut protocol = link.mouse_protocol()?;
    if protocol.id() == known.protocol.id() {
        protocol = known.protocol;
    }
    if wrap {
        link.mouse(mouse::WRAP)?;
    }
    let button = |bit, button: MouseButtons| if flags & bit == 0 { 0 } else { button.0 };
    let buttons = MouseButtons(
        button(mouse::status::LEFT, MouseButtons::LEFT)
            | button(mouse::status::RIGHT, MouseButtons::RIGHT)
            | button(mouse::status::MIDDLE, MouseButtons::MIDDLE),
    );
    Ok(MouseState {
        remote: flags & mouse::status::REMOTE != 0,
        wrap,
        reporting: flags & mouse::status::ENABLED != 0,
        scaling_2_1: flags & mouse::status::SCALING_2_1 != 0,
        resolution: resolution.min(mouse::RESOLUTION_MAX),
        sample_rate,
        protocol,
        buttons,
        reported: buttons,
        ..MouseState::RESET
    })
}

impl MouseState {
    fn apply<R: RegisterIo<u8>>(&self, link: &mut Link<'_, R>) -> Result<(), NoResponse> {
        link.mouse_status()?;
        // This also selects the standard protocol on most mice, so it comes before the rates that select another.
        link.mouse(mouse::SET_DEFAULTS)?;
        let found = link.mouse_protocol()?;
        // Whether an Explorer reports its horizontal wheel does not show.
        if found != self.protocol || found == MouseProtocol::Explorer {
            link.reset_mouse()?;
            for rate in rate_sequence(self.protocol) {
                link.mouse_pair(mouse::SET_SAMPLE_RATE, *rate)?;
            }
        }
        link.mouse_pair(mouse::SET_RESOLUTION, self.resolution)?;
        link.mouse_pair(mouse::SET_SAMPLE_RATE, self.sample_rate)?;
        if self.scaling_2_1 {
            link.mouse(mouse::SCALING_2_1)?;
        }
        if self.remote {
            link.mouse(mouse::REMOTE)?;
        }
        if self.reporting {
            link.mouse(mouse::ENABLE)?;
        }
        if self.wrap {
            link.mouse(mouse::WRAP)?;
        }
        Ok(())
    }
}

/// Returns the sample rates that select a protocol.
const fn rate_sequence(protocol: MouseProtocol) -> &'static [u8] {
    match protocol {
        MouseProtocol::Standard => &[],
        MouseProtocol::IntelliMouse => &[200, 100, 80],
        MouseProtocol::Explorer => &[200, 200, 80],
        MouseProtocol::ExplorerHorizontal => &[200, 200, 80, 200, 80, 40],
    }
}
