//! Replies and packets: their order, what discards them, and what does not fit.

use devstate_i8042::{MouseButtons, MouseInput};

use crate::mouse::{mouse, movement, pressed, select, wheels};
use crate::support::{Guest, bench};

#[test]
fn replies_go_before_packets() {
    for command in [0xe6, 0xea, 0xf4] {
        let mut device = mouse(0);
        device.mouse(&movement(3, 0));
        device.command_with(0xd4, command);
        assert_eq!(device.receive(), [0xfa, 0x08, 3, 0], "{command:02x}");
    }
    let mut device = mouse(0);
    device.mouse(&movement(3, 0));
    device.command_with(0xd4, 0xe9);
    assert_eq!(device.receive(), [0xfa, 0x20, 2, 100, 0x08, 3, 0]);
}

#[test]
fn disabling_defaults_and_another_protocol_discard_old_packets() {
    for command in [0xf5, 0xf6] {
        let mut device = mouse(0);
        device.mouse(&movement(3, 0));
        device.command_with(0xd4, command);
        assert_eq!(device.receive(), [0xfa], "{command:02x}");
    }
    let mut device = mouse(0);
    select(&mut device, &[200, 100]);
    device.mouse(&movement(3, 0));
    for byte in [0xf3, 80] {
        device.command_with(0xd4, byte);
    }
    assert_eq!(device.receive(), [0xfa, 0xfa], "packets of three bytes");
}

#[test]
fn a_packet_that_the_guest_has_begun_to_read_is_finished() {
    for command in [0xe6, 0xf5, 0xf6] {
        let mut device = mouse(0);
        device.mouse(&movement(3, 4));
        assert_eq!(device.read(0), 0x08);
        device.command_with(0xd4, command);
        assert_eq!(device.receive(), [3, 4, 0xfa], "{command:02x}");
    }
    let mut device = mouse(0);
    device.mouse(&movement(3, 4));
    device.mouse(&movement(5, 6));
    device.read(0);
    device.read(0);
    device.command_with(0xd4, 0xe7);
    assert_eq!(device.receive(), [4, 0xfa, 0x08, 5, 6]);
}

#[test]
fn requested_data_are_the_oldest_that_wait() {
    let mut device = mouse(0);
    device.mouse(&movement(3, 4));
    device.mouse(&movement(5, 6));
    device.read(0);
    device.command_with(0xd4, 0xeb);
    assert_eq!(device.receive(), [3, 4, 0xfa, 0x08, 5, 6]);
    device.count_mouse(&movement(7, 8));
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x08, 7, 8]);
}

#[test]
fn wheel_steps_fit_four_bits_and_what_drivers_accept() {
    for (id, low) in [(3, 0xff), (4, 0x0f)] {
        for dz in [1i16, 6, 7, 8, -6, -7, -8, 100] {
            let mut device = mouse(id);
            device.mouse(&wheels(dz, 0));
            let mut sum = 0;
            loop {
                let packets = device.receive();
                if packets.is_empty() {
                    break;
                }
                for packet in packets.chunks(4) {
                    let nibble = i16::from(packet[3] << 4).wrapping_shl(8) >> 12;
                    assert!((-6..=6).contains(&nibble), "{dz}: {packet:02x?}");
                    assert_eq!(packet[3], nibble.to_le_bytes()[0] & low);
                    sum += nibble;
                }
                device.report_mouse();
            }
            assert_eq!(sum, dz, "nothing is lost");
        }
    }
}

#[test]
fn the_horizontal_wheel_is_reported_after_its_own_sequence_alone() {
    let mut device = mouse(4);
    device.mouse(&wheels(0, -1));
    assert_eq!(device.receive(), []);
    select(&mut device, &[200, 80, 40]);
    assert_eq!(device.mouse_command(&[0xf2]), [0xfa, 4]);
    device.mouse(&wheels(0, -1));
    assert_eq!(device.receive(), [0x08, 0, 0, 0x7f]);
    for id in [0, 3] {
        let mut device = mouse(id);
        select(&mut device, &[200, 80, 40]);
        assert_eq!(device.mouse_command(&[0xf2]), [0xfa, id]);
        device.mouse(&wheels(0, -1));
        assert_eq!(device.receive(), []);
    }
}

#[test]
fn a_click_while_the_queue_is_full_is_reported_later() {
    for button in [MouseButtons::LEFT, MouseButtons::RIGHT, MouseButtons::MIDDLE] {
        let mut device = mouse(0);
        while device.mouse_packet(&MouseInput::NONE) {}
        assert!(!device.mouse(&pressed(button)));
        assert!(!device.mouse(&pressed(MouseButtons::NONE)));
        device.receive();
        assert!(device.report_mouse());
        assert_eq!(device.receive(), [0x08 | button.0, 0, 0, 0x08, 0, 0]);
    }
    let mut device = mouse(0);
    device.mouse(&pressed(MouseButtons::LEFT));
    device.receive();
    while device.mouse_packet(&pressed(MouseButtons::LEFT)) {}
    device.mouse(&pressed(MouseButtons::NONE));
    device.mouse(&pressed(MouseButtons::LEFT));
    device.receive();
    device.report_mouse();
    assert_eq!(device.receive(), [0x08, 0, 0, 0x09, 0, 0], "a release between");
}

#[test]
fn a_command_in_place_of_an_argument_is_a_command() {
    for waiting in [0xf3, 0xe8] {
        let mut device = mouse(3);
        assert_eq!(device.mouse_command(&[waiting, 0xff]), [0xfa, 0xfa, 0xaa, 0x00]);
        assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0, 2, 100], "{waiting:02x}");
        let mut device = mouse(3);
        assert_eq!(device.mouse_command(&[waiting, 0xf2]), [0xfa, 0xfa, 3]);
        assert_eq!(device.mouse_command(&[waiting, 0xf5]), [0xfa, 0xfa]);
        assert_eq!(device.mouse_command(&[waiting, 0xe9]), [0xfa, 0xfa, 0, 2, 80]);
    }
}

#[test]
fn resend_repeats_the_last_thing_that_was_sent() {
    let mut device = mouse(3);
    assert_eq!(
        device.mouse_command(&[0xff, 0xfe]),
        [0xfa, 0xaa, 0x00, 0xfa, 0xaa, 0x00]
    );
    device.mouse_command(&[0xf4]);
    device.mouse(&movement(5, -3));
    device.mouse(&movement(6, 6));
    assert_eq!([device.read(0), device.read(0), device.read(0)], [0x28, 5, 0xfd]);
    device.command_with(0xd4, 0xfe);
    assert_eq!(device.receive(), [0x28, 5, 0xfd, 0x08, 6, 6], "of what it has sent");
    assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x20, 2, 100]);
    assert_eq!(device.mouse_command(&[0xfe]), [0xfa, 0x20, 2, 100]);
    assert_eq!(
        device.mouse_command(&[0xe8, 9, 0xfe]),
        [0xfa, 0xfe, 0xfa],
        "FE is not repeated"
    );
    assert_eq!(bench().0.mouse_command(&[0xfe]), [0xaa, 0x00], "the result of its test");
}

#[test]
fn defaults_select_the_standard_protocol() {
    for id in [3, 4] {
        let mut device = mouse(id);
        assert_eq!(device.mouse_command(&[0xf6, 0xf2, 0xf4]), [0xfa, 0xfa, 0x00, 0xfa]);
        device.mouse(&movement(1, 1));
        assert_eq!(device.receive(), [0x08, 1, 1]);
    }
}

#[test]
fn a_reply_that_does_not_fit_replaces_the_older_ones() {
    let (mut device, _) = bench();
    for _ in 0..24 {
        device.command_with(0xd4, 0xf5);
    }
    assert_eq!(device.events().of("mouse_reply_lost"), 0);
    device.command_with(0xd4, 0xe9);
    assert_eq!(device.events().of("mouse_reply_lost"), 1);
    assert_eq!(device.receive(), [0xfa, 0, 2, 100]);
}

#[test]
fn input_that_the_protocol_does_not_carry_makes_no_packet() {
    let mut device = mouse(0);
    assert!(device.mouse(&wheels(3, 4)));
    assert!(device.mouse(&pressed(MouseButtons::FOURTH)));
    assert_eq!(device.receive(), []);
    let mut device = mouse(3);
    assert!(device.mouse(&wheels(0, 4)));
    assert!(device.mouse(&pressed(MouseButtons::FIFTH)));
    assert_eq!(device.receive(), []);
    let mut device = mouse(4);
    assert!(device.mouse(&wheels(0, 4)));
    assert_eq!(device.receive(), []);
}
