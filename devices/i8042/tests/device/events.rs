//! Every event happens, once for its cause.

use devstate_i8042::{Key, MouseButtons, MouseInput};

use crate::support::{Bench, Guest, SIXTEEN, bench};

fn after(act: impl FnOnce(&mut Bench)) -> (&'static [&'static str], u64, u64) {
    let (mut device, _) = bench();
    act(&mut device);
    let names = device.events().names();
    let count = names.iter().map(|name| device.events().of(name)).sum();
    (names.leak(), count, device.events().last.get())
}

fn fill_mouse(device: &mut Bench) {
    device.mouse_command(&[0xf4]);
    let packets = (0..6).filter(|_| device.mouse_packet(&MouseInput::NONE)).count();
    assert_eq!(packets, 5);
}

#[test]
fn a_reset_is_requested_by_pulse_and_by_output_port() {
    let event = (["reset_requested"].as_slice(), 1, 0);
    for pulse in [0xf0, 0xf2, 0xfe] {
        assert_eq!(after(|device| device.command(pulse)), event);
    }
    assert_eq!(after(|device| device.command_with(0xd1, 0xde)), event);
    assert_eq!(after(|device| device.command(0xff)), ([].as_slice(), 0, 0));
}

#[test]
fn an_unknown_command_is_named() {
    assert_eq!(
        after(|device| device.command(0xb0)),
        (["unknown_controller_command"].as_slice(), 1, 0xb0)
    );
    assert_eq!(
        after(|device| device.send(0xef)),
        (["unknown_keyboard_command"].as_slice(), 1, 0xef)
    );
    assert_eq!(
        after(|device| device.command_with(0xd4, 0xe1)),
        (["unknown_mouse_command"].as_slice(), 1, 0xe1)
    );
}

#[test]
fn a_replaced_reply_and_a_read_of_nothing_are_events() {
    assert_eq!(
        after(|device| {
            device.command(0xaa);
            device.command(0x20);
        }),
        (["controller_reply_lost"].as_slice(), 1, 0)
    );
    assert_eq!(
        after(|device| assert_eq!(device.read(0), 0)),
        (["nothing_to_read"].as_slice(), 1, 0)
    );
}

#[test]
fn the_end_of_a_lock_is_an_event() {
    let typed = after(|device| {
        device.command_with(0xa5, 0x1c);
        device.send(0);
        device.command(0xa6);
        device.key(Key::A, true);
    });
    assert_eq!(typed, (["password_matched"].as_slice(), 1, 0));
}

#[test]
fn keys_that_send_nothing_or_are_lost_are_named() {
    let down = Key::B as u64 * 2 + 1;
    assert_eq!(
        after(|device| {
            device.keyboard(&[0xf5]);
            assert!(device.key(Key::B, true));
        }),
        (["key_ignored", "keyboard_emptied"].as_slice(), 2, down)
    );
    assert_eq!(
        after(|device| {
            for key in SIXTEEN {
                assert!(device.key(key, true));
            }
            assert!(!device.key(Key::Q, true));
        }),
        (["key_lost"].as_slice(), 1, Key::Q as u64 * 2 + 1)
    );
}

#[test]
fn a_full_mouse_delays_packets_and_at_last_loses_replies() {
    assert_eq!(
        after(fill_mouse),
        (["mouse_emptied", "mouse_packet_delayed"].as_slice(), 2, 0)
    );
    let (mut device, _) = bench();
    fill_mouse(&mut device);
    let input = MouseInput {
        buttons: MouseButtons::LEFT,
        ..MouseInput::NONE
    };
    assert!(!device.mouse(&input));
    assert_eq!(device.events().of("mouse_packet_delayed"), 2);
    for _ in 0..9 {
        assert_eq!(device.events().of("mouse_reply_lost"), 0);
        device.command_with(0xd4, 0xf4);
    }
    device.command_with(0xd4, 0xf4);
    assert_eq!(device.events().of("mouse_reply_lost"), 1);
}

#[test]
fn accesses_outside_the_ports_are_events() {
    for offset in [1, 2, 3, 5, 0xffff] {
        assert_eq!(
            after(|device| assert_eq!(device.read(offset), 0xff)),
            (["invalid_read"].as_slice(), 1, offset.into())
        );
        assert_eq!(
            after(|device| device.write(offset, 0xfe)),
            (["invalid_write"].as_slice(), 1, u64::from(offset) << 8 | 0xfe)
        );
    }
}
