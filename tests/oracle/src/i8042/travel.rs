//! The keyboard controller on its way out of QEMU and into it.

use super::{IRQ_1, IRQ_12, IRQ_BITS, Subject, Theirs, comes_from_keyboard, comes_from_mouse, irq_bits};
use crate::travel::{Moment, Traveller, layout};
use anyhow::{Context, Result};
use devstate_i8042::spec::config;
use devstate_i8042::{I8042State, KeyboardOption, MouseArgument, OutputBuffer, PendingCommand};
use devstate_i8042_ser::I8042StateSer;
use devstate_i8042_ser::qemu::{PckbdSection, Ps2KbdSection, Ps2MouseSection};
use devstate_qemu::QemuDevicesSer;
use devstate_qemu_section::Layout;

impl Traveller for Subject {
    const ICOUNT_SHIFT: Option<u8> = None;
    const MOMENTS: &'static [Moment<Self>] = &[
        ("a command of the controller is half sent", |subject| {
            subject.state().pending_command != PendingCommand::None
        }),
        ("a command of the keyboard is half sent", |subject| {
            subject.state().keyboard.option != KeyboardOption::None
        }),
        ("a command of the mouse is half sent", |subject| {
            subject.state().mouse.argument != MouseArgument::None
        }),
        ("the output buffer is full", |subject| {
            subject.state().output_buffer != OutputBuffer::Empty
        }),
        ("the keyboard's buffer is full", |subject| {
            subject.state().keyboard.codes.len > 12
        }),
        ("the mouse's queue is full", |subject| {
            subject.state().mouse.replies.len + subject.state().mouse.packets.len > 12
        }),
        ("movement waits to be reported", |subject| {
            let mouse = subject.state().mouse;
            (mouse.dx, mouse.dy, mouse.dz) != (0, 0, 0)
        }),
        ("the mouse is being read", |subject| subject.state().mouse.begun != 0),
    ];
    const AROUND: &'static [(&'static str, &'static str)] = &[
        (
            "pckbd.kbd.pending_tmp",
            "a reply counts as the device's that bit 5 of the status shows",
        ),
        ("pckbd.kbd.status", "a byte that waits is in the output buffer at once"),
        ("pckbd_outport.outport", "bits 4 and 5 follow the output buffer"),
        ("pckbd/extended_state.obsrc", "0 while the output buffer is empty"),
        ("pckbd/extended_state.cbdata", "0 once the guest has read it"),
        ("ps2kbd.parent_obj.queue.rptr", "the ring begins at its first place"),
        ("ps2kbd.parent_obj.queue.wptr", "the ring begins at its first place"),
        (
            "ps2kbd.parent_obj.queue.data",
            "bytes that were read are not kept, and the ring begins at its first place",
        ),
        (
            "ps2kbd/command_reply_queue.parent_obj.queue.cwptr",
            "the ring begins at its first place",
        ),
        ("ps2kbd/ledstate.ledstate", "there are three LEDs"),
        ("ps2kbd/need_high_bit.need_high_bit", "a key is translated by itself"),
        ("ps2mouse.parent_obj.queue.rptr", "the ring begins at its first place"),
        ("ps2mouse.parent_obj.queue.wptr", "the ring begins at its first place"),
        (
            "ps2mouse.parent_obj.queue.data",
            "bytes that were read are not kept, and the ring begins at its first place",
        ),
        ("ps2mouse.mouse_resolution", "the resolutions are 0 to 3"),
    ];
    const SECTIONS: &'static [(&'static str, &'static Layout)] = &[
        ("pckbd", layout::<PckbdSection>()),
        ("ps2kbd", layout::<Ps2KbdSection>()),
        ("ps2mouse", layout::<Ps2MouseSection>()),
    ];

    fn put(&mut self, devices: &mut QemuDevicesSer) {
        devices.i8042 = Some(I8042StateSer::new(&self.state()));
    }

    fn take(&mut self, devices: &QemuDevicesSer, started: bool) -> Result<()> {
        let mut state = I8042State::try_from(devices.i8042.as_ref().context("no controller")?)?;
        let before = self.state();
        if started {
            let disabled = state.config & config::KEYBOARD_DISABLED != 0;
            self.theirs = Theirs {
                // It is driven anew for a byte that is there.
                irq_1: !disabled && comes_from_keyboard(&state) && state.config & config::KEYBOARD_INTERRUPT != 0,
                break_prefix: false,
                irq_bits: if comes_from_mouse(&state) {
                    IRQ_BITS
                } else {
                    irq_bits(&state)
                },
                irq_bits_written: false,
                resolution: state.mouse.resolution,
                sample_rate: state.mouse.sample_rate,
            };
        } else {
            // QEMU does not save these, but its devices still have them.
            (state.keyboard.held, state.keyboard.sys_rq) = (before.keyboard.held, before.keyboard.sys_rq);
            state.mouse.dw = before.mouse.dw;
        }
        self.correct(&state);
        if started {
            let _ = self.lines.take_edges();
        }
        Ok(())
    }

    fn up(&self) -> Vec<u16> {
        let lines = [(IRQ_1, self.theirs.irq_1), (IRQ_12, self.lines.is_up(IRQ_12))];
        lines
            .iter()
            .filter(|(_, is_up)| *is_up)
            .map(|(line, _)| *line)
            .collect()
    }
}
