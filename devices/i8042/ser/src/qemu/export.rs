//! Converts the state of our controller to QEMU's.

use devstate_i8042::{ControllerReply, I8042State, InputPortPoll, Lock, OutputBuffer, PendingCommand, spec};
use devstate_qemu_section::{Loss, Losses, Refused};

use super::section::{I8042Sections, Pckbd, PckbdExtendedState, PckbdOutport, PckbdSection, Ps2Common};
use super::{PORT_BITS, is_from_mouse, keyboard, mouse, pending, port_bits, source};
use crate::controller::I8042StateSer;

impl I8042Sections {
    /// Returns QEMU's sections for the state of our device. Calls the visitor with each loss.
    ///
    /// Set `extended` to `true` if QEMU's machine has the subsection `pckbd/extended_state`. Machines have it from
    /// version 6.0 on, unless `-global i8042.extended-state=off` is given.
    ///
    /// # Errors
    ///
    /// The visitor refused a loss.
    pub fn from_state(
        state: &I8042State,
        extended: bool,
        visit: &mut dyn FnMut(&Loss) -> bool,
    ) -> Result<Self, Refused> {
        let I8042State {
            config,
            ram: _,
            output_port,
            system_flag,
            last_write_was_command: _,
            input_port_poll: _,
            pending_command,
            output_buffer,
            reply,
            last_read,
            password: _,
            lock: _,
            keyboard,
            mouse,
        } = state;
        let mut losses = Losses::new(visit);
        only_here(state, &mut losses)?;
        let write_cmd = write_cmd(*pending_command, &mut losses)?;
        let translated = config & spec::config::TRANSLATE != 0;
        let mut keyboard = keyboard::export(keyboard, translated, &mut losses)?;
        let mut mouse = mouse::export(mouse, &mut losses)?;
        let in_reply = match *reply {
            ControllerReply::None => None,
            ControllerReply::Keyboard(byte) => Some((false, byte)),
            ControllerReply::Mouse(byte) => Some((true, byte)),
        };
        if let Some((as_mouse, byte)) = in_reply.filter(|_| !extended) {
            let (common, of_device) = if as_mouse {
                (&mut mouse.common, OutputBuffer::Mouse)
            } else {
                (&mut keyboard.common, OutputBuffer::Keyboard)
            };
            if common.count >= ROOM {
                losses.lose("reply", byte, "the queue that it would go into is full")?;
            } else {
                insert(common, byte, usize::from(*output_buffer == of_device));
                if keyboard.replies.is_some() && !as_mouse {
                    losses.lose(
                        "reply",
                        byte,
                        "it counts as a reply of the keyboard, and the keyboard's last one does not",
                    )?;
                }
            }
        }
        let from_mouse = is_from_mouse(state);
        let bit = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
        let status = spec::status::UNLOCKED
            | spec::status::COMMAND
            | bit(spec::status::SYSTEM_FLAG, *system_flag)
            | bit(spec::status::OUTPUT_FULL, *output_buffer != OutputBuffer::Empty)
            | bit(spec::status::FROM_MOUSE, from_mouse);
        let (of_keyboard, of_mouse) = if extended {
            (pending::KEYBOARD, pending::MOUSE)
        } else {
            (pending::OLD_KEYBOARD, pending::OLD_MOUSE)
        };
        let of_reply = match in_reply.filter(|_| extended) {
            None => 0,
            Some((false, _)) => pending::REPLY,
            Some((true, _)) => pending::REPLY_AS_MOUSE,
        };
        let outport = output_port & !PORT_BITS | port_bits(status);
        let is_default = output_port & !PORT_BITS == spec::output_port::RESET & !PORT_BITS;
        let kbd = Pckbd {
            write_cmd,
            status,
            mode: *config,
            pending_tmp: of_reply
                | bit(of_keyboard, keyboard.common.count != 0)
                | bit(of_mouse, mouse.common.count != 0),
            outport: (!is_default).then_some(PckbdOutport { outport }),
            extended_state: extended.then(|| PckbdExtendedState {
                migration_flags: 0,
                obsrc: match output_buffer {
                    OutputBuffer::Empty => 0,
                    OutputBuffer::Controller => source::CONTROLLER,
                    OutputBuffer::Keyboard => source::KEYBOARD,
                    OutputBuffer::Mouse => source::MOUSE,
                },
                obdata: *last_read,
                cbdata: in_reply.map_or(0, |(_, byte)| byte),
            }),
        };
        if !extended && *last_read != 0 {
            losses.ignore("last_read", *last_read, "this QEMU machine does not save it")?;
        }
        Ok(Self {
            controller: PckbdSection { kbd },
            keyboard,
            mouse,
        })
    }
}

/// What QEMU's controller has no place for.
fn only_here(state: &I8042State, losses: &mut Losses<'_>) -> Result<(), Refused> {
    let used = state.ram.iter().filter(|byte| **byte != 0).count();
    if used != 0 {
        losses.lose("ram", used as u8, "QEMU's controller has no RAM")?;
    }
    if !state.password.is_empty() {
        losses.lose("password", state.password.len, "QEMU's controller has no password")?;
    }
    if let Lock::Locked(typed) = state.lock {
        losses.lose("lock", typed, "QEMU's controller has no password")?;
    }
    if state.input_port_poll != InputPortPoll::Off {
        losses.lose("input_port_poll", 1, "QEMU's controller does not poll its input port")?;
    }
    if !state.last_write_was_command {
        losses.ignore("last_write_was_command", 0, "QEMU always shows a command")?;
    }
    Ok(())
}

fn write_cmd(command: PendingCommand, losses: &mut Losses<'_>) -> Result<u8, Refused> {
    Ok(match command {
        PendingCommand::None => 0,
        PendingCommand::WriteRam(0) => spec::controller::WRITE_RAM,
        PendingCommand::WriteRam(address) => {
            losses.lose(
                "pending_command",
                spec::controller::WRITE_RAM | address,
                "QEMU's controller has no RAM",
            )?;
            0
        }
        PendingCommand::LoadPassword => {
            let command = spec::controller::LOAD_PASSWORD;
            losses.lose("pending_command", command, "QEMU's controller has no password")?;
            0
        }
        PendingCommand::WriteOutputPort => spec::controller::WRITE_OUTPUT_PORT,
        PendingCommand::WriteKeyboardBuffer => spec::controller::WRITE_KEYBOARD_BUFFER,
        PendingCommand::WriteMouseBuffer => spec::controller::WRITE_MOUSE_BUFFER,
        PendingCommand::WriteMouse => spec::controller::WRITE_MOUSE,
    })
}

/// The bytes that one of QEMU's queues takes, without replies.
const ROOM: i32 = 16;

/// Puts a byte into a ring that begins at its first place and is never full.
fn insert(common: &mut Ps2Common, byte: u8, at: usize) {
    let behind = common.data.get_mut(at..).unwrap_or_default();
    behind.rotate_right(1);
    if let Some(place) = behind.first_mut() {
        *place = byte;
        common.count += 1;
        common.wptr += 1;
    }
}

impl TryFrom<&I8042StateSer> for I8042Sections {
    type Error = Refused;

    /// Converts a mirror to QEMU's sections, for a machine with the extended state.
    ///
    /// # Errors
    ///
    /// A guest could see a loss, or the state is impossible for a device.
    fn try_from(mirror: &I8042StateSer) -> Result<Self, Refused> {
        let state = I8042State::try_from(mirror)?;
        Self::from_state(&state, true, &mut |loss| loss.ignorable)
    }
}
