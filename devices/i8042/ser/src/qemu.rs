//! Converts the state of a keyboard controller, a keyboard and a mouse from and to QEMU's format.

mod export;
mod import;
mod keyboard;
mod mouse;
mod ring;
mod section;

use devstate_i8042::{ControllerReply, I8042State, OutputBuffer, spec};

pub use section::{
    I8042Sections, Pckbd, PckbdExtendedState, PckbdOutport, PckbdSection, Ps2Common, Ps2KbdLeds, Ps2KbdNeedHighBit,
    Ps2KbdReplies, Ps2KbdSection, Ps2MouseSection,
};

/// Bits of QEMU's `pending`.
mod pending {
    pub(super) const REPLY: u8 = 0x04;
    pub(super) const REPLY_AS_MOUSE: u8 = 0x08;
    pub(super) const KEYBOARD: u8 = 0x10;
    pub(super) const MOUSE: u8 = 0x20;
    /// Where there is no extended state.
    pub(super) const OLD_KEYBOARD: u8 = 0x01;
    /// Where there is no extended state.
    pub(super) const OLD_MOUSE: u8 = 0x02;
}

/// Values of QEMU's `obsrc`.
mod source {
    pub(super) const KEYBOARD: u32 = 1;
    pub(super) const MOUSE: u32 = 2;
    pub(super) const CONTROLLER: u32 = 4;
}

/// QEMU's `write_cmd` of keyboard and mouse while no command waits.
const NO_COMMAND: i32 = -1;

const PORT_BITS: u8 = spec::output_port::KEYBOARD_FULL | spec::output_port::MOUSE_FULL;

/// The bits of the output port that follow the output buffer, as QEMU sets them.
const fn port_bits(status: u8) -> u8 {
    match status & (spec::status::OUTPUT_FULL | spec::status::FROM_MOUSE) {
        spec::status::OUTPUT_FULL => spec::output_port::KEYBOARD_FULL,
        0 | spec::status::FROM_MOUSE => 0,
        _ => PORT_BITS,
    }
}

/// The byte in the output buffer counts as the mouse's.
const fn is_from_mouse(state: &I8042State) -> bool {
    match state.output_buffer {
        OutputBuffer::Empty | OutputBuffer::Keyboard => false,
        OutputBuffer::Mouse => true,
        OutputBuffer::Controller => matches!(state.reply, ControllerReply::Mouse(_)),
    }
}
