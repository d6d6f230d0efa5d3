//! Commands to the mouse, one by one, its modes and protocols.

use devstate_i8042::{ByteQueue, MouseButtons, MouseInput, MouseProtocol, MouseState, RateSequence};

use crate::support::{Bench, Guest, bench};

/// Returns a device whose mouse reports, with this identification.
pub(crate) fn mouse(id: u8) -> Bench {
    let (mut device, _) = bench();
    match id {
        3 => select(&mut device, &[200, 100, 80]),
        4 => select(&mut device, &[200, 200, 80]),
        _ => {}
    }
    assert_eq!(device.mouse_command(&[0xf2]), [0xfa, id]);
    device.mouse_command(&[0xf4]);
    device
}

/// Sets these sample rates.
pub(crate) fn select(device: &mut Bench, rates: &[u8]) {
    for rate in rates {
        assert_eq!(device.mouse_command(&[0xf3, *rate]), [0xfa, 0xfa]);
    }
}

pub(crate) fn movement(dx: i16, dy: i16) -> MouseInput {
    MouseInput {
        dx,
        dy,
        ..MouseInput::NONE
    }
}

pub(crate) fn wheels(dz: i16, dw: i16) -> MouseInput {
    MouseInput {
        dz,
        dw,
        ..MouseInput::NONE
    }
}

pub(crate) fn pressed(buttons: MouseButtons) -> MouseInput {
    MouseInput {
        buttons,
        ..MouseInput::NONE
    }
}

#[test]
fn a_movement_is_a_packet_with_signs() {
    let mut device = mouse(0);
    for (dx, dy, packet) in [
        (5, -3, [0x28, 0x05, 0xfd]),
        (-7, -2, [0x38, 0xf9, 0xfe]),
        (-127, 127, [0x18, 0x81, 0x7f]),
        (0, 1, [0x08, 0x00, 0x01]),
    ] {
        assert!(device.mouse(&movement(dx, dy)));
        assert_eq!(device.receive(), packet);
    }
}

#[test]
fn buttons_are_in_the_first_byte_and_a_change_is_reported_once() {
    let mut device = mouse(0);
    for (buttons, first) in [
        (MouseButtons::LEFT, 0x09),
        (MouseButtons::RIGHT, 0x0a),
        (MouseButtons::MIDDLE, 0x0c),
        (MouseButtons::LEFT | MouseButtons::RIGHT | MouseButtons::MIDDLE, 0x0f),
        (MouseButtons::NONE, 0x08),
    ] {
        assert!(device.mouse(&pressed(buttons)));
        assert_eq!(device.receive(), [first, 0, 0]);
        assert!(device.mouse(&pressed(buttons)));
        assert_eq!(device.receive(), []);
    }
}

#[test]
fn a_long_way_takes_several_packets_without_overflow() {
    let mut device = mouse(0);
    assert!(device.mouse(&movement(300, -128)));
    let packets = [[0x28, 0x7f, 0x81], [0x28, 0x7f, 0xff], [0x08, 46, 0x00]];
    assert_eq!(device.receive(), packets.concat());
}

#[test]
fn movement_that_does_not_fit_is_kept_and_reported_later() {
    let mut device = mouse(0);
    assert!(!device.mouse(&movement(700, 0)));
    assert_eq!(device.state().mouse.dx, 700 - 5 * 127);
    assert!(!device.mouse(&MouseInput {
        dx: -10,
        buttons: MouseButtons::LEFT,
        ..MouseInput::NONE
    }));
    assert_eq!(device.receive(), [[0x08, 0x7f, 0x00]; 5].concat());
    assert!(device.report_mouse());
    assert_eq!(device.receive(), [0x09, 55, 0x00]);
    assert!(device.report_mouse());
    assert_eq!(device.receive(), []);
}

#[test]
fn counts_saturate() {
    let mut device = mouse(0);
    for _ in 0..3 {
        device.mouse(&movement(i16::MAX, i16::MIN));
    }
    let state = device.state().mouse;
    assert_eq!(state.dx, i16::MAX);
    assert!(state.dy < -32_000);
}

#[test]
fn an_intellimouse_has_a_wheel() {
    let mut device = mouse(3);
    device.mouse(&wheels(-1, 0));
    assert_eq!(device.receive(), [0x08, 0, 0, 0xff]);
    device.mouse(&wheels(9, 5));
    assert_eq!(device.receive(), [0x08, 0, 0, 6, 0x08, 0, 0, 3]);
}

#[test]
fn an_explorer_has_two_wheels_and_five_buttons() {
    let mut device = mouse(4);
    device.mouse(&wheels(-9, 0));
    assert_eq!(device.receive(), [0x08, 0, 0, 0x0a, 0x08, 0, 0, 0x0d]);
    device.mouse(&pressed(MouseButtons::FOURTH | MouseButtons::LEFT));
    assert_eq!(device.receive(), [0x09, 0, 0, 0x10]);
    device.mouse(&pressed(MouseButtons::ALL));
    assert_eq!(device.receive(), [0x0f, 0, 0, 0x30]);
    device.mouse(&pressed(MouseButtons::NONE));
    device.receive();
    select(&mut device, &[200, 80, 40]);
    device.mouse(&wheels(2, -33));
    assert_eq!(
        device.receive(),
        [0x08, 0, 0, 0x61, 0x08, 0, 0, 0x7e, 0x08, 0, 0, 0x02],
        "the horizontal wheel goes first"
    );
}

#[test]
fn side_buttons_that_change_with_the_horizontal_wheel_have_a_packet_of_their_own() {
    let mut device = mouse(4);
    select(&mut device, &[200, 80, 40]);
    let step = |dx, dw, buttons| MouseInput {
        dx,
        dw,
        buttons,
        ..MouseInput::NONE
    };
    assert!(device.mouse(&step(1, 1, MouseButtons::FOURTH)));
    assert_eq!(device.receive(), [0x08, 1, 0, 0x41, 0x08, 0, 0, 0x10]);
    assert!(device.mouse(&step(0, 33, MouseButtons::FOURTH)));
    assert_eq!(
        device.receive(),
        [0x08, 0, 0, 0x5f, 0x08, 0, 0, 0x42],
        "nothing changed"
    );
    assert!(device.mouse(&step(200, 1, MouseButtons::NONE)));
    assert_eq!(
        device.receive(),
        [0x08, 127, 0, 0x41, 0x08, 73, 0, 0x00],
        "a change that was reported needs no other packet"
    );

    // The queue takes four packets, and the fifth waits; a save meanwhile keeps it.
    for dx in 1..=3 {
        assert!(device.mouse(&step(dx, 0, MouseButtons::FIFTH)));
    }
    assert!(!device.mouse(&step(4, -1, MouseButtons::NONE)));
    let state = device.state();
    device.restore(&state).unwrap();
    assert_eq!(device.receive()[12..], [0x08, 4, 0, 0x7f]);
    assert!(device.report_mouse());
    assert_eq!(device.receive(), [0x08, 0, 0, 0x00]);
    assert!(device.report_mouse());
    assert_eq!(device.receive(), []);

    device.count_mouse(&step(0, 1, MouseButtons::FOURTH));
    assert!(device.report_mouse());
    assert_eq!(device.receive(), [0x08, 0, 0, 0x41, 0x08, 0, 0, 0x10]);
    assert_eq!(device.mouse_command(&[0xf0]), [0xfa]);
    device.mouse(&step(0, 1, MouseButtons::NONE));
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x08, 0, 0, 0x41]);
    assert!(device.state().mouse.unreported());
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x08, 0, 0, 0x00]);
    assert!(!device.state().mouse.unreported());
}

#[test]
fn a_standard_mouse_ignores_its_wheels() {
    let mut device = mouse(0);
    assert!(device.mouse(&MouseInput { dx: 1, ..wheels(3, 4) }));
    assert_eq!(device.receive(), [0x08, 1, 0]);
    assert_eq!(device.state().mouse.dz, 0);
}

#[test]
fn protocols_are_selected_by_their_sequences_alone() {
    for (rates, id) in [
        (&[200, 100, 80][..], 3),
        (&[200, 200, 80], 4),
        (&[200, 200, 200, 80], 0),
        (&[100, 80, 200, 100, 80], 3),
        (&[200, 100, 60, 80], 0),
        (&[200, 80], 0),
        (&[200, 100, 80, 200, 200, 80], 4),
    ] {
        let (mut device, _) = bench();
        select(&mut device, rates);
        assert_eq!(device.mouse_command(&[0xf2]), [0xfa, id], "{rates:?}");
    }
}

#[test]
fn other_commands_may_come_between_the_rates() {
    let (mut device, _) = bench();
    select(&mut device, &[200]);
    device.mouse_command(&[0xf5, 0xe8, 1, 0xf6]);
    select(&mut device, &[100]);
    assert_eq!(device.state().mouse.rate_sequence, RateSequence::Rate200Then100);
    select(&mut device, &[80]);
    assert_eq!(device.state().mouse.protocol, MouseProtocol::IntelliMouse);
}

#[test]
fn a_reset_restores_everything_but_the_buttons() {
    let mut device = mouse(4);
    device.mouse_command(&[0xe8, 0, 0xe7, 0xf0, 0xf3, 200]);
    device.mouse(&MouseInput {
        dx: 9,
        buttons: MouseButtons::RIGHT,
        ..MouseInput::NONE
    });
    assert_eq!(device.mouse_command(&[0xff]), [0xfa, 0xaa, 0x00]);
    let state = MouseState {
        buttons: MouseButtons::RIGHT,
        reported: MouseButtons::RIGHT,
        last_sent: ByteQueue::from_array([0xfa, 0xaa, 0x00]),
        ..MouseState::RESET
    };
    assert_eq!(device.state().mouse, state);
    assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x01, 2, 100]);
}

#[test]
fn a_reset_clears_the_queue_and_leaves_wrap_mode() {
    let mut device = mouse(0);
    device.mouse_packet(&movement(1, 1));
    device.command_with(0xd4, 0xee);
    device.command_with(0xd4, 0xff);
    assert_eq!(device.receive(), [0xfa, 0xaa, 0x00]);
    assert_eq!(device.mouse_command(&[0xf2]), [0xfa, 0x00]);
}

#[test]
fn the_status_has_mode_scaling_and_buttons() {
    let mut device = mouse(0);
    device.mouse_command(&[0xe8, 3, 0xf3, 60]);
    assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x20, 3, 60]);
    device.mouse_command(&[0xe7, 0xf0, 0xf5]);
    assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x50, 3, 60]);
    device.mouse_command(&[0xe6, 0xea, 0xf4]);
    for (buttons, bits) in [
        (MouseButtons::RIGHT, 1),
        (MouseButtons::MIDDLE, 2),
        (MouseButtons::LEFT, 4),
        (MouseButtons::FIFTH, 0),
    ] {
        device.mouse(&pressed(buttons));
        device.receive();
        assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x20 | bits, 3, 60]);
    }
}

#[test]
fn after_power_on_rate_and_resolution_are_the_defaults() {
    assert_eq!(bench().0.mouse_command(&[0xe9]), [0xfa, 0x00, 2, 100]);
}

#[test]
fn any_rate_is_taken_and_reported() {
    let (mut device, _) = bench();
    for rate in 0..0xe6 {
        assert_eq!(device.mouse_command(&[0xf3, rate]), [0xfa, 0xfa]);
        assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x00, 2, rate]);
    }
}

#[test]
fn a_resolution_that_does_not_exist_is_refused() {
    let (mut device, _) = bench();
    for resolution in 0..=3 {
        assert_eq!(device.mouse_command(&[0xe8, resolution]), [0xfa, 0xfa]);
        assert_eq!(device.state().mouse.resolution, resolution);
    }
    for resolution in 4..0xe6 {
        assert_eq!(device.mouse_command(&[0xe8, resolution]), [0xfa, 0xfe]);
    }
    assert_eq!(device.state().mouse.resolution, 3);
}

#[test]
fn unknown_commands_have_no_reply() {
    let (mut device, _) = bench();
    let known = [
        0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xee, 0xf0, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xfe, 0xff,
    ];
    for command in (0..=u8::MAX).filter(|command| !known.contains(command)) {
        assert_eq!(device.mouse_command(&[command]), [], "{command:02x}");
    }
    assert_eq!(
        device.events().of("unknown_mouse_command"),
        256 - known.len() as u64,
        "EC outside of wrap mode among them"
    );
}

#[test]
fn in_wrap_mode_everything_but_two_commands_comes_back() {
    let mut device = mouse(0);
    assert_eq!(device.mouse_command(&[0xee]), [0xfa]);
    for byte in (0..=u8::MAX).filter(|byte| ![0xec, 0xff].contains(byte)) {
        assert_eq!(device.mouse_command(&[byte]), [byte]);
    }
    assert!(device.mouse(&movement(1, 1)));
    assert_eq!(device.receive(), [], "no packets");
    assert_eq!(device.mouse_command(&[0xec]), [0xfa]);
    assert_eq!(device.mouse_command(&[0xf2]), [0xfa, 0x00]);
    assert!(device.mouse(&movement(2, 2)));
    assert_eq!(device.receive(), [0x08, 2, 2]);
}

#[test]
fn wrap_mode_returns_to_the_mode_before() {
    let (mut device, _) = bench();
    device.mouse_command(&[0xf0, 0xee, 0xec]);
    assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x40, 2, 100]);
}

#[test]
fn in_remote_mode_it_reports_on_request() {
    let mut device = mouse(0);
    device.mouse_command(&[0xf0]);
    assert!(device.mouse(&movement(100, 3)));
    assert!(device.mouse(&movement(100, -4)));
    assert_eq!(device.receive(), []);
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x28, 127, 0xff]);
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x08, 73, 0]);
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x08, 0, 0]);
    device.mouse_command(&[0xea]);
    assert!(device.mouse(&movement(1, 0)));
    assert_eq!(device.receive(), [0x08, 1, 0]);
}

#[test]
fn data_can_be_read_in_stream_mode_too() {
    let mut device = mouse(3);
    device.count_mouse(&MouseInput {
        dx: 3,
        dz: 1,
        buttons: MouseButtons::LEFT,
        ..MouseInput::NONE
    });
    assert_eq!(device.receive(), [], "counted, not reported");
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x09, 3, 0, 1]);
}

#[test]
fn while_reporting_is_disabled_it_counts_and_enabling_forgets() {
    let mut device = mouse(0);
    device.mouse_command(&[0xf5]);
    assert!(device.mouse(&movement(5, 5)));
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x08, 5, 5]);
    assert!(device.mouse(&movement(6, 6)));
    assert_eq!(device.mouse_command(&[0xf4]), [0xfa]);
    assert!(device.mouse(&movement(1, 0)));
    assert_eq!(device.receive(), [0x08, 1, 0]);
}

#[test]
fn scaling_doubles_fast_movements_in_stream_mode() {
    let mut device = mouse(0);
    device.mouse_command(&[0xe7]);
    let scaled = [0, 1, 1, 3, 6, 9, 12, 14, 16];
    for (counts, expected) in (0i16..).zip(scaled) {
        device.mouse(&movement(counts, -1));
        assert_eq!(device.receive(), [0x28, expected, 0xff]);
    }
    device.mouse(&movement(100, 0));
    assert_eq!(device.receive(), [0x08, 126, 0, 0x08, 74, 0]);
    device.mouse_command(&[0xf0]);
    device.mouse(&movement(7, 0));
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x08, 7, 0], "but not on request");
}

#[test]
fn a_packet_is_queued_as_given_in_any_mode() {
    let input = MouseInput {
        dx: -5,
        dy: 6,
        dz: -1,
        dw: 0,
        buttons: MouseButtons::LEFT | MouseButtons::FIFTH,
    };
    for (id, packet) in [
        (0, [0x19, 0xfb, 6].as_slice()),
        (3, &[0x19, 0xfb, 6, 0xff]),
        (4, &[0x19, 0xfb, 6, 0x2f]),
    ] {
        for mode in [&[0xf4][..], &[0xf5], &[0xf0], &[0xe7]] {
            let mut device = mouse(id);
            device.mouse_command(mode);
            device.count_mouse(&movement(50, 50));
            assert!(device.mouse_packet(&input));
            assert_eq!(device.receive(), packet);
            assert!(device.mouse_packet(&MouseInput::NONE));
            assert_eq!(device.receive(), [&[0x08, 0, 0, 0][..packet.len()]].concat());
        }
    }
}

#[test]
fn sixteen_bytes_of_packets_are_kept() {
    for (id, packets) in [(0, 5), (3, 4), (4, 4)] {
        let mut device = mouse(id);
        let queued = (0..10).filter(|_| device.mouse_packet(&movement(1, 1))).count();
        assert_eq!(queued, packets);
    }
}

#[test]
fn replies_find_room_beside_a_full_queue() {
    let mut device = mouse(3);
    while device.mouse_packet(&movement(1, 1)) {}
    device.command_with(0xd4, 0xe6);
    device.command_with(0xd4, 0xe9);
    let bytes = device.receive();
    assert_eq!(bytes[..5], [0xfa, 0xfa, 0x20, 2, 80]);
    assert_eq!(bytes.len(), 5 + 16);
}

#[test]
fn commands_forget_what_was_counted() {
    for command in [0xf4, 0xf5, 0xf6, 0xf0, 0xea, 0xee, 0xf2, 0xe9] {
        let mut device = mouse(0);
        device.mouse_command(&[0xf0]);
        device.mouse(&movement(9, 9));
        device.mouse_command(&[command]);
        let state = device.state().mouse;
        assert_eq!((state.dx, state.dy, state.unreported()), (0, 0, false), "{command:02x}");
    }
    for (command, argument) in [(0xf3, 100), (0xe8, 1)] {
        let mut device = mouse(0);
        device.mouse_command(&[0xf0]);
        device.mouse(&movement(9, 9));
        device.mouse_command(&[command, argument]);
        assert_eq!(device.state().mouse.dx, 0);
    }
}
