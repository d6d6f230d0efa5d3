//! States of QEMU's that are none of ours, and sections that cannot be.

use crate::round_trip::{NOW, read_out};
use devstate_core::NoInterrupt;
use devstate_i8042::{I8042, I8042State, NoControl, OutputBuffer};
use devstate_i8042_ser::I8042StateSer;
use devstate_i8042_ser::qemu::{I8042Sections, Pckbd, Ps2Common};
use devstate_qemu_section::{Loss, Refused};
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::qemu::SerialSection;

/// So many bytes in a ring.
const fn fill(common: &mut Ps2Common, count: i32) {
    (common.count, common.wptr) = (count, count);
}

fn controller_at_rest() -> I8042Sections {
    I8042Sections::from_state(&I8042State::RESET, true, &mut |_| true).unwrap()
}

/// The fields of which the visitor was told that a guest can see them.
fn seen_fields(convert: impl FnOnce(&mut dyn FnMut(&Loss) -> bool)) -> Vec<&'static str> {
    let mut fields = Vec::new();
    convert(&mut |loss| {
        fields.extend((!loss.ignorable).then_some(loss.field));
        true
    });
    fields
}

#[test]
fn a_key_that_qemu_holds_back_is_there_at_once() {
    let mut sections = controller_at_rest();
    sections.keyboard.common.data[0] = 0x1e;
    fill(&mut sections.keyboard.common, 1);
    sections.controller.kbd.pending_tmp = 0x10;
    let extended = sections.controller.kbd.extended_state.as_mut().unwrap();
    (extended.migration_flags, extended.obsrc) = (1, 1);
    let lost = seen_fields(|visit| {
        let state = sections.to_state(visit).unwrap();
        assert_eq!(
            (state.output_buffer, read_out(&state)[0]),
            (OutputBuffer::Keyboard, 0x1e)
        );
    });
    assert_eq!(lost, ["migration_flags", "status"]);
    let refused = I8042StateSer::try_from(&sections).unwrap_err();
    let expected = "would be lost: migration_flags is 1: a byte that is held back is delivered at once";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_resolution_that_no_mouse_has_is_the_highest() {
    let mut sections = controller_at_rest();
    sections.mouse.mouse_resolution = 7;
    let lost = seen_fields(|visit| assert_eq!(sections.to_state(visit).unwrap().mouse.resolution, 3));
    assert_eq!(lost, ["mouse_resolution"]);
}

#[test]
fn what_has_stalled_in_loopback_comes_round() {
    let stalled = SerialState {
        fcr: 0x01,
        tsr: Some(b'a'),
        tx: devstate_core::ByteQueue::from_slice(b"bc").unwrap(),
        ..SerialState::RESET
    };
    let mut section = SerialSection::from_state(&stalled, NOW, &mut |_| false).unwrap();
    (section.mcr, section.lcr) = (0x10, 0x02);
    let lost = seen_fields(|visit| {
        let state = section.to_state(NOW, visit).unwrap();
        // Seven bits: `a` to `c` have no more.
        assert_eq!((state.rx.as_slice(), state.tsr, state.tx.len), (&b"abc"[..], None, 0));
        assert_eq!(state.timeout_remaining, SerialState::timeout_nanos(12, 0x02));
    });
    assert_eq!(lost, ["tsr"]);
}

#[test]
fn an_older_machine_has_the_controllers_reply_in_the_keyboards_queue() {
    let mut controller = I8042::new(NoInterrupt, NoInterrupt, NoControl);
    controller.write(4, 0xaa);
    let state = controller.state();
    let lost = seen_fields(|visit| {
        let sections = I8042Sections::from_state(&state, false, visit).unwrap();
        let Pckbd {
            status,
            pending_tmp,
            extended_state,
            ..
        } = sections.controller.kbd;
        // What QEMU 7.2 has after the same command with `-M pc-i440fx-2.12`.
        assert_eq!((status, pending_tmp, extended_state), (0x1d, 0x01, None));
        assert_eq!(
            (sections.keyboard.common.count, sections.keyboard.common.data[0]),
            (1, 0x55)
        );
        let again = sections.to_state(&mut |_| true).unwrap();
        assert_eq!(
            (again.output_buffer, read_out(&again)[0]),
            (OutputBuffer::Keyboard, 0x55)
        );
    });
    assert_eq!(lost, [""; 0]);
}

#[test]
fn fields_that_cannot_be_are_refused_by_their_names() {
    type Change = fn(&mut I8042Sections);
    let cases: [(&str, Change); 9] = [
        ("queue.rptr", |sections| sections.mouse.common.rptr = 256),
        ("queue.wptr", |sections| sections.mouse.common.wptr = -1),
        ("queue.wptr", |sections| sections.mouse.common.wptr = 1),
        ("queue.count", |sections| fill(&mut sections.mouse.common, 25)),
        ("queue.count", |sections| sections.keyboard.common.count = i32::MIN),
        ("queue.count", |sections| fill(&mut sections.keyboard.common, 17)),
        ("scancode_set", |sections| sections.keyboard.scancode_set = 4),
        ("mouse_type", |sections| sections.mouse.mouse_type = 5),
        ("obsrc", |sections| {
            sections.controller.kbd.status |= 1;
            sections.controller.kbd.extended_state.as_mut().unwrap().obsrc = 3;
        }),
    ];
    for (field, change) in cases {
        let mut sections = controller_at_rest();
        change(&mut sections);
        let refused = sections.to_state(&mut |_| true).unwrap_err();
        assert!(
            matches!(refused, Refused::Invalid(error) if error.field == field),
            "{field}: {refused}"
        );
    }
    let mut uart = SerialSection::from_state(&SerialState::RESET, NOW, &mut |_| true).unwrap();
    uart.lsr = 0x20;
    assert_eq!(
        uart.to_state(NOW, &mut |_| true).unwrap_err().to_string(),
        "invalid state: lsr is 32: bit 6 is 0 while the output has not taken a character"
    );
    uart.lsr = 0x61;
    uart.ier = 0x10;
    assert!(matches!(uart.to_state(NOW, &mut |_| true), Err(Refused::Invalid(error)) if error.field == "ier"));
}
