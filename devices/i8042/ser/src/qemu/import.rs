//! Converts the state of QEMU's controller to ours.

use devstate_i8042::{ControllerReply, I8042State, InvalidState, OutputBuffer, PendingCommand, spec};
use devstate_qemu_section::{Loss, Losses, Refused};

use super::section::{I8042Sections, Pckbd, PckbdExtendedState, PckbdOutport, PckbdSection};
use super::{PORT_BITS, is_from_mouse, keyboard, mouse, pending, port_bits, source};
use crate::controller::I8042StateSer;

impl I8042Sections {
    /// Converts the sections to the state of our device. Calls the visitor with each loss.
    ///
    /// # Errors
    ///
    /// - The visitor refused a loss.
    /// - The state is impossible for a device.
    pub fn to_state(&self, visit: &mut dyn FnMut(&Loss) -> bool) -> Result<I8042State, Refused> {
        let Self {
            controller: PckbdSection { kbd },
            keyboard,
            mouse,
        } = self;
        let Pckbd {
            write_cmd,
            status,
            mode,
            pending_tmp: _,
            outport,
            extended_state,
        } = *kbd;
        let mut losses = Losses::new(visit);
        let translated = mode & spec::config::TRANSLATE != 0;
        let mut state = I8042State {
            config: mode,
            system_flag: status & spec::status::SYSTEM_FLAG != 0,
            last_write_was_command: status & spec::status::COMMAND != 0,
            pending_command: command(write_cmd, &mut losses)?,
            reply: reply(kbd, &mut losses)?,
            last_read: extended_state.map_or(0, |PckbdExtendedState { obdata, .. }| obdata),
            keyboard: keyboard::import(keyboard, translated, &mut losses)?,
            mouse: mouse::import(mouse, &mut losses)?,
            ..I8042State::RESET
        };
        state.output_buffer = output_buffer(kbd, &state, &mut losses)?;
        if extended_state.is_none() {
            bytes_of_a_disabled_port(&state, &mut losses)?;
        }
        let own =
            spec::status::OUTPUT_FULL | spec::status::SYSTEM_FLAG | spec::status::COMMAND | spec::status::FROM_MOUSE;
        if status & !own != spec::status::UNLOCKED {
            losses.lose("status", status, "nothing is locked, and no error is shown")?;
        }
        let pins = match outport {
            None => spec::output_port::RESET,
            Some(PckbdOutport { outport }) => {
                if outport & PORT_BITS != port_bits(status) {
                    losses.lose("outport", outport, "bits 4 and 5 follow the output buffer")?;
                }
                outport
            }
        };
        let full = match (state.output_buffer, is_from_mouse(&state)) {
            (OutputBuffer::Empty, _) => 0,
            (_, false) => spec::output_port::KEYBOARD_FULL,
            (_, true) => spec::output_port::MOUSE_FULL,
        };
        state.output_port = pins & !PORT_BITS | full;
        state.validate()?;
        Ok(state)
    }
}

fn command(write_cmd: u8, losses: &mut Losses<'_>) -> Result<PendingCommand, Refused> {
    Ok(match write_cmd {
        0 => PendingCommand::None,
        spec::controller::WRITE_RAM => PendingCommand::WriteRam(0),
        spec::controller::WRITE_OUTPUT_PORT => PendingCommand::WriteOutputPort,
        spec::controller::WRITE_KEYBOARD_BUFFER => PendingCommand::WriteKeyboardBuffer,
        spec::controller::WRITE_MOUSE_BUFFER => PendingCommand::WriteMouseBuffer,
        spec::controller::WRITE_MOUSE => PendingCommand::WriteMouse,
        other => {
            losses.lose("pckbd.write_cmd", other, "no command that waits for its data byte")?;
            PendingCommand::None
        }
    })
}

/// The controller's byte, in the output buffer or waiting for it.
fn reply(kbd: &Pckbd, losses: &mut Losses<'_>) -> Result<ControllerReply, Refused> {
    let Some(PckbdExtendedState {
        migration_flags,
        obsrc,
        cbdata,
        obdata: _,
    }) = kbd.extended_state
    else {
        return Ok(ControllerReply::None);
    };
    if migration_flags != 0 {
        losses.lose(
            "migration_flags",
            migration_flags,
            "a byte that is held back is delivered at once",
        )?;
    }
    let is_full = kbd.status & spec::status::OUTPUT_FULL != 0;
    if !is_full && obsrc != 0 {
        losses.ignore("obsrc", obsrc, "the output buffer is empty")?;
    }
    let from_mouse = if is_full && obsrc == source::CONTROLLER {
        Some(kbd.status & spec::status::FROM_MOUSE != 0)
    } else if kbd.pending_tmp & pending::REPLY != 0 {
        Some(false)
    } else if kbd.pending_tmp & pending::REPLY_AS_MOUSE != 0 {
        Some(true)
    } else {
        None
    };
    if from_mouse.is_none() && cbdata != 0 {
        losses.ignore("cbdata", cbdata, "the guest has read it")?;
    }
    Ok(match from_mouse {
        None => ControllerReply::None,
        Some(false) => ControllerReply::Keyboard(cbdata),
        Some(true) => ControllerReply::Mouse(cbdata),
    })
}

/// The source of the byte in the output buffer.
fn output_buffer(kbd: &Pckbd, state: &I8042State, losses: &mut Losses<'_>) -> Result<OutputBuffer, Refused> {
    let Pckbd {
        status, extended_state, ..
    } = *kbd;
    let from_mouse = status & spec::status::FROM_MOUSE != 0;
    let shown = match extended_state {
        _ if status & spec::status::OUTPUT_FULL == 0 => OutputBuffer::Empty,
        None if from_mouse => OutputBuffer::Mouse,
        None => OutputBuffer::Keyboard,
        Some(PckbdExtendedState { obsrc, .. }) => match obsrc {
            source::KEYBOARD => OutputBuffer::Keyboard,
            source::MOUSE => OutputBuffer::Mouse,
            source::CONTROLLER => OutputBuffer::Controller,
            other => return Err(InvalidState::new("obsrc", other.into(), "1, 2 or 4 while a byte is there").into()),
        },
    };
    if matches!(shown, OutputBuffer::Keyboard | OutputBuffer::Mouse) && from_mouse != (shown == OutputBuffer::Mouse) {
        losses.lose("status", status, "bit 5 shows the source of the byte")?;
    }
    let (keyboard, mouse) = (has_keyboard_byte(state), has_mouse_byte(state));
    let is_there = match shown {
        OutputBuffer::Empty | OutputBuffer::Controller => true,
        OutputBuffer::Keyboard => keyboard,
        OutputBuffer::Mouse => mouse,
    };
    let shown = if is_there {
        shown
    } else {
        losses.lose("status", status, "there is no byte for the output buffer")?;
        OutputBuffer::Empty
    };
    if shown != OutputBuffer::Empty {
        return Ok(shown);
    }
    let is_open = |disabled: u8| state.config & disabled == 0;
    let next = if state.reply != ControllerReply::None {
        OutputBuffer::Controller
    } else if keyboard && is_open(spec::config::KEYBOARD_DISABLED) {
        OutputBuffer::Keyboard
    } else if mouse && is_open(spec::config::MOUSE_DISABLED) {
        OutputBuffer::Mouse
    } else {
        OutputBuffer::Empty
    };
    if next != OutputBuffer::Empty {
        losses.lose("status", status, "a byte that waits is in the output buffer at once")?;
    }
    Ok(next)
}

/// Without its extended state, QEMU's controller passes on the bytes of a disabled port.
fn bytes_of_a_disabled_port(state: &I8042State, losses: &mut Losses<'_>) -> Result<(), Refused> {
    let keyboard = state.keyboard.replies.len + state.keyboard.codes.len;
    for (disabled, waiting, source) in [
        (spec::config::KEYBOARD_DISABLED, keyboard, OutputBuffer::Keyboard),
        (
            spec::config::MOUSE_DISABLED,
            state.mouse.replies.len,
            OutputBuffer::Mouse,
        ),
    ] {
        let in_buffer = u8::from(state.output_buffer == source);
        if state.config & disabled != 0 && waiting > in_buffer {
            losses.lose(
                "queue.count",
                waiting,
                "bytes after the first wait until their port is enabled",
            )?;
        }
    }
    Ok(())
}

const fn has_keyboard_byte(state: &I8042State) -> bool {
    !state.keyboard.replies.is_empty() || !state.keyboard.codes.is_empty()
}

const fn has_mouse_byte(state: &I8042State) -> bool {
    !state.mouse.replies.is_empty()
}

impl TryFrom<&I8042Sections> for I8042StateSer {
    type Error = Refused;

    /// Converts the three sections to a mirror.
    ///
    /// # Errors
    ///
    /// A guest could see a loss, or the state is impossible for a device.
    fn try_from(sections: &I8042Sections) -> Result<Self, Refused> {
        let state = sections.to_state(&mut |loss| loss.ignorable)?;
        Ok(Self::new(&state))
    }
}
