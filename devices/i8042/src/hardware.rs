//! The same state, from and to a real i8042 with its keyboard and mouse.

mod link;

use core::fmt;

use devstate_core::{InvalidState, RegisterIo};

use crate::key::KeySet;
use crate::keyboard::{KeyboardOption, KeyboardState};
use crate::mouse::{Knock, MouseArgument, MouseButtons, MouseProtocol, MouseState};
use crate::queue::ByteQueue;
use crate::scan_codes::ScanCodeSet;
use crate::spec::{self, controller, keyboard, mouse, output_port, status};
use crate::state::{ControllerReply, I8042State, InputPortPoll, Lock, OutputBuffer, PendingCommand};

use link::{Link, MouseStatus};
pub use link::{NoAnswer, Part};

/// Why a state could not be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ApplyError {
    /// No device could be in that state; the hardware has not been touched.
    InvalidState(InvalidState),
    /// Somebody did not answer; the hardware is halfway.
    NoAnswer(NoAnswer),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidState(error) => error.fmt(f),
            Self::NoAnswer(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::InvalidState(error) => Some(error),
            Self::NoAnswer(error) => Some(error),
        }
    }
}

impl From<InvalidState> for ApplyError {
    fn from(error: InvalidState) -> Self {
        Self::InvalidState(error)
    }
}

impl From<NoAnswer> for ApplyError {
    fn from(error: NoAnswer) -> Self {
        Self::NoAnswer(error)
    }
}

/// What of a state the hardware could not be given, for the firmware to deal with: see [`I8042State::apply`].
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "what the hardware was not given is lost unless the firmware deals with it"]
pub struct Unapplied {
    /// Bytes that nobody has read: scan codes, packets, replies. They stand in the state.
    pub unread: u8,
    /// The controller's RAM beside the command byte, or a password: many controllers have neither.
    pub ram: bool,
    /// Which keys repeat and have break codes in set 3, beyond what one command says of all.
    pub key_types: bool,
    /// A command whose second byte had not been sent, or rates that were on the way to another mouse protocol.
    pub half_sent: bool,
    /// The status register's system flag.
    pub system_flag: bool,
}

impl Unapplied {
    /// The hardware is in the state.
    pub const NONE: Self = Self {
        unread: 0,
        ram: false,
        key_types: false,
        half_sent: false,
        system_flag: false,
    };
}

impl I8042State {
    /// Takes over the state of a real controller and its devices.
    ///
    /// `known` is what the firmware knows of them, such as the state that it applied last, or [`RESET`](Self::RESET): from
    /// it comes what the hardware does not show, the keyboard's LEDs, typematic setting, key types and whether it scans,
    /// the controller's RAM and password.
    ///
    /// What nobody has read (scan codes, packets) is in the state afterwards and no longer in the hardware. A command
    /// whose second byte had not been sent is ended; where a device took a question for that byte, the setting that it
    /// may have been is set again as `known` has it. The status register no longer shows the input port. Everything else
    /// is as it was; interrupts are off meanwhile.
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
    /// Where controller, keyboard or mouse do not answer. The command byte is as before, and the machine's driver goes on;
    /// what nobody had read is lost. For a machine that has no mouse there is
    /// [`capture_without_mouse`](Self::capture_without_mouse).
    pub fn capture(registers: &mut impl RegisterIo<u8>, known: &Self) -> Result<Self, NoAnswer> {
        Self::capture_with(registers, known, |link| capture_mouse(link, &known.mouse))
    }

    /// [`capture`](Self::capture) on a machine with nothing in the mouse's port, which is not spoken to: the mouse's state
    /// is `known`'s.
    ///
    /// # Errors
    ///
    /// Where controller or keyboard do not answer; as for `capture`.
    pub fn capture_without_mouse(registers: &mut impl RegisterIo<u8>, known: &Self) -> Result<Self, NoAnswer> {
        Self::capture_with(registers, known, |_| Ok(known.mouse))
    }

    fn capture_with<R: RegisterIo<u8>>(
        registers: &mut R,
        known: &Self,
        capture_mouse: impl FnOnce(&mut Link<'_, R>) -> Result<MouseState, NoAnswer>,
    ) -> Result<Self, NoAnswer> {
        let before = registers.read(spec::COMMAND);
        let mut link = Link::new(registers);
        let config = link.config()?;
        link.silence(config)?;
        let asked = ask(&mut link, &known.keyboard, capture_mouse);
        // Also when somebody did not answer: the machine is not left without a keyboard.
        let restored = link.configure(config);
        let (output_port, scan_code_set, mouse) = asked?;
        restored?;

        let mut state = Self {
            config,
            output_port: output_port & !(output_port::KEYBOARD_FULL | output_port::MOUSE_FULL),
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
                ..known.keyboard
            },
            mouse: MouseState {
                queue: link.packets,
                ..mouse
            },
            ..*known
        };
        if known.pending_command == PendingCommand::LoadPassword {
            state.password = ByteQueue::EMPTY;
        }
        state.output_buffer = state.next_output(OutputBuffer::Empty);
        if state.output_from_keyboard() {
            state.output_port |= output_port::KEYBOARD_FULL;
        }
        if state.output_from_mouse() {
            state.output_port |= output_port::MOUSE_FULL;
        }
        Ok(state)
    }

    /// Programs a real controller and its devices with this state, whatever they were set to before, and says what they
    /// could not be given. Interrupts are enabled last.
    ///
    /// The line that resets the processor stays high, whatever the state's output port says. Gate A20 is set as in the
    /// state: firmware above 1 MiB that wants to live on sees to it that it is open.
    ///
    /// # Errors
    ///
    /// `InvalidState` with nothing touched. `NoAnswer` of the mouse with all but the mouse in this state: without a mouse,
    /// that is success. `NoAnswer` of another halfway.
    pub fn apply(&self, registers: &mut impl RegisterIo<u8>) -> Result<Unapplied, ApplyError> {
        self.validate()?;
        let mut link = Link::new(registers);
        link.silence(self.config)?;
        let lines = output_port::KEYBOARD_FULL | output_port::MOUSE_FULL;
        link.command(controller::WRITE_OUTPUT_PORT)?;
        link.data(self.output_port & !lines | output_port::NOT_RESET)?;
        let key_types = self.keyboard.apply(&mut link)?;
        let mouse = self.mouse.apply(&mut link);
        let half_sent = self.finish(&mut link)?;
        mouse?;
        let shown = registers.read(spec::COMMAND) & status::SYSTEM_FLAG != 0;
        Ok(Unapplied {
            unread: self.unread(),
            ram: self.ram.iter().any(|byte| *byte != 0) || !self.password.is_empty(),
            key_types: !key_types,
            half_sent,
            system_flag: shown != self.system_flag,
        })
    }

    /// The last writes. Whether something was half sent that cannot be half sent again.
    fn finish<R: RegisterIo<u8>>(&self, link: &mut Link<'_, R>) -> Result<bool, NoAnswer> {
        link.configure(self.config)?;
        let half_sent = match self.pending_command {
            PendingCommand::None => None,
            PendingCommand::WriteRam(address) => Some(controller::WRITE_RAM | address),
            PendingCommand::WriteOutputPort => Some(controller::WRITE_OUTPUT_PORT),
            PendingCommand::WriteKeyboardBuffer => Some(controller::WRITE_KEYBOARD_BUFFER),
            PendingCommand::WriteMouseBuffer => Some(controller::WRITE_MOUSE_BUFFER),
            PendingCommand::WriteMouse => Some(controller::WRITE_MOUSE),
            PendingCommand::LoadPassword => return Ok(true),
        };
        let enable_keyboard = if self.keyboard_enabled() {
            controller::ENABLE_KEYBOARD
        } else {
            controller::DISABLE_KEYBOARD
        };
        match half_sent {
            Some(command) => link.command(command)?,
            None if self.last_write_was_command => link.command(enable_keyboard)?,
            None => {}
        }
        Ok(self.keyboard.option != KeyboardOption::None
            || self.mouse.argument != MouseArgument::None
            || self.mouse.knock != Knock::None)
    }

    fn unread(&self) -> u8 {
        let keyboard = &self.keyboard;
        let reply = u8::from(self.reply != ControllerReply::None);
        reply + keyboard.replies.len + keyboard.codes.len + u8::from(keyboard.overrun.is_some()) + self.mouse.queue.len
    }
}

impl KeyboardState {
    /// Whether the key types could be set.
    fn apply<R: RegisterIo<u8>>(&self, link: &mut Link<'_, R>) -> Result<bool, NoAnswer> {
        link.end_option()?;
        link.keyboard(keyboard::DEFAULT_DISABLE)?;
        let number = self.scan_code_set.number();
        link.keyboard_pair(keyboard::SCAN_CODE_SET, number)?;
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
        Ok(applied)
    }
}

/// The output port, the scan-code set and the mouse.
fn ask<R: RegisterIo<u8>>(
    link: &mut Link<'_, R>,
    known: &KeyboardState,
    capture_mouse: impl FnOnce(&mut Link<'_, R>) -> Result<MouseState, NoAnswer>,
) -> Result<(u8, ScanCodeSet, MouseState), NoAnswer> {
    let output_port = link.ask(controller::READ_OUTPUT_PORT)?;
    if link.end_option()? {
        link.keyboard_pair(keyboard::SET_LEDS, known.leds & keyboard::LEDS)?;
        link.keyboard_pair(keyboard::SET_TYPEMATIC, known.typematic & keyboard::TYPEMATIC)?;
    }
    let scan_code_set = link.scan_code_set()?;
    Ok((output_port, scan_code_set, capture_mouse(link)?))
}

fn capture_mouse<R: RegisterIo<u8>>(link: &mut Link<'_, R>, known: &MouseState) -> Result<MouseState, NoAnswer> {
    let MouseStatus {
        flags,
        mut resolution,
        mut sample_rate,
        wrapped: wrap,
        misunderstood,
    } = link.mouse_status()?;
    if misunderstood && sample_rate == mouse::STATUS {
        sample_rate = known.sample_rate;
        link.mouse_pair(mouse::SET_SAMPLE_RATE, sample_rate)?;
    }
    if misunderstood && resolution == mouse::STATUS {
        resolution = known.resolution.min(mouse::RESOLUTION_MAX);
        link.mouse_pair(mouse::SET_RESOLUTION, resolution)?;
    }
    let protocol = link.mouse_protocol()?;
    if wrap {
        link.mouse(mouse::WRAP)?;
    }
    let button = |bit, button: MouseButtons| if flags & bit == 0 { 0 } else { button.0 };
    Ok(MouseState {
        remote: flags & mouse::status::REMOTE != 0,
        wrap,
        reporting: flags & mouse::status::ENABLED != 0,
        scaling_2_1: flags & mouse::status::SCALING_2_1 != 0,
        resolution: resolution.min(mouse::RESOLUTION_MAX),
        sample_rate,
        protocol,
        buttons: MouseButtons(
            button(mouse::status::LEFT, MouseButtons::LEFT)
                | button(mouse::status::RIGHT, MouseButtons::RIGHT)
                | button(mouse::status::MIDDLE, MouseButtons::MIDDLE),
        ),
        ..MouseState::RESET
    })
}

impl MouseState {
    fn apply<R: RegisterIo<u8>>(&self, link: &mut Link<'_, R>) -> Result<(), NoAnswer> {
        link.mouse_status()?;
        link.mouse(mouse::DISABLE)?;
        if link.mouse_protocol()? != self.protocol {
            link.reset_mouse()?;
            for rate in knock(self.protocol) {
                link.mouse_pair(mouse::SET_SAMPLE_RATE, *rate)?;
            }
        }
        link.mouse(mouse::SET_DEFAULTS)?;
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

/// The sample rates that switch a mouse to another protocol.
const fn knock(protocol: MouseProtocol) -> &'static [u8] {
    match protocol {
        MouseProtocol::Standard => &[],
        MouseProtocol::IntelliMouse => &[200, 100, 80],
        MouseProtocol::Explorer => &[200, 200, 80],
    }
}
