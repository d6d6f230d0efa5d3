//! Commands to the keyboard, one by one.

use devstate_i8042::{I8042State, Key, KeyboardState, ScanCodeSet};

use crate::support::{Bench, Guest, bench};

fn tap(device: &mut Bench, key: Key) -> Vec<u8> {
    device.key(key, true);
    device.key(key, false);
    device.receive()
}

fn in_set_3() -> Bench {
    let (mut device, _) = bench();
    assert_eq!(device.keyboard(&[0xf0, 3]), [0xfa, 0xfa]);
    device
}

#[test]
fn it_identifies_itself_also_through_the_translation() {
    let (mut device, _) = bench();
    assert_eq!(device.keyboard(&[0xf2]), [0xfa, 0xab, 0x83]);
    device.command_with(0x60, 0x40);
    assert_eq!(device.keyboard(&[0xf2]), [0xfa, 0xab, 0x41]);
}

#[test]
fn it_echoes() {
    assert_eq!(bench().0.keyboard(&[0xee]), [0xee]);
}

#[test]
fn leds_and_typematic_setting_are_kept() {
    let (mut device, _) = bench();
    for value in 0..=7 {
        assert_eq!(device.keyboard(&[0xed, value]), [0xfa, 0xfa]);
        assert_eq!(device.leds(), value);
    }
    for value in 0..=0x7f {
        assert_eq!(device.keyboard(&[0xf3, value]), [0xfa, 0xfa]);
        assert_eq!(device.state().keyboard.typematic, value);
    }
    assert_eq!(device.keyboard(&[0xed, 0xea, 0xf3, 0xea]), [0xfa; 4]);
    assert_eq!(
        (device.leds(), device.state().keyboard.typematic),
        (2, 0x6a),
        "bits that do not exist"
    );
}

#[test]
fn a_command_in_place_of_an_option_is_a_command() {
    for waiting in [0xed, 0xf0, 0xf3, 0xfb, 0xfc, 0xfd] {
        let (mut device, _) = bench();
        assert_eq!(device.keyboard(&[waiting, 0xee]), [0xfa, 0xee], "{waiting:02x}");
        assert_eq!(device.keyboard(&[waiting, 0xff]), [0xfa, 0xfa, 0xaa]);
        let state = KeyboardState {
            last_sent: 0xaa,
            ..KeyboardState::RESET
        };
        assert_eq!(device.state().keyboard, state);
    }
}

#[test]
fn scan_code_sets_are_selected_and_asked_for() {
    let (mut device, _) = bench();
    for (set, translated) in [(1, 0x43), (2, 0x41), (3, 0x3f)] {
        assert_eq!(device.keyboard(&[0xf0, set]), [0xfa, 0xfa]);
        assert_eq!(device.keyboard(&[0xf0, 0]), [0xfa, 0xfa, set]);
        device.command_with(0x60, 0x40);
        assert_eq!(device.keyboard(&[0xf0, 0]), [0xfa, 0xfa, translated]);
        device.command_with(0x60, 0x00);
    }
    for set in 4..0xed {
        assert_eq!(device.keyboard(&[0xf0, set]), [0xfa, 0xfe], "{set:02x}");
    }
    assert_eq!(device.state().keyboard.scan_code_set, ScanCodeSet::Three);
}

#[test]
fn scanning_starts_and_stops() {
    let (mut device, _) = bench();
    assert_eq!(tap(&mut device, Key::A), [0x1c, 0xf0, 0x1c]);
    assert_eq!(device.keyboard(&[0xf5]), [0xfa]);
    assert_eq!(tap(&mut device, Key::A), []);
    assert_eq!(device.keyboard(&[0xf4]), [0xfa]);
    assert_eq!(tap(&mut device, Key::A), [0x1c, 0xf0, 0x1c]);
}

#[test]
fn keys_that_go_down_while_it_does_not_scan_are_not_noticed() {
    let (mut device, _) = bench();
    device.keyboard(&[0xf5]);
    device.key(Key::Shift, true);
    device.keyboard(&[0xf4]);
    device.key(Key::Print, true);
    assert_eq!(device.receive(), [0xe0, 0x12, 0xe0, 0x7c]);
}

#[test]
fn defaults_come_back_with_f5_f6_and_ff() {
    for (command, reply, scanning) in [
        (0xf5, [0xfa].as_slice(), false),
        (0xf6, &[0xfa], true),
        (0xff, &[0xfa, 0xaa], true),
    ] {
        let mut device = in_set_3();
        device.keyboard(&[0xed, 7, 0xf3, 0, 0xf9, 0xf5]);
        device.keyboard(&[0xf0, 3, 0xf4]);
        device.key(Key::A, true);
        device.send(command);
        assert_eq!(device.receive(), reply, "{command:02x} clears the buffer");
        let mut state = KeyboardState::RESET;
        state.held.set(Key::A, true);
        state.scanning = scanning;
        state.last_sent = *reply.last().unwrap();
        assert_eq!(device.state().keyboard, state);
    }
}

#[test]
fn all_keys_of_set_3_change_their_type_at_once() {
    for (command, break_code, repeats) in [
        (0xf7, false, true),
        (0xf8, true, false),
        (0xf9, false, false),
        (0xfa, true, true),
    ] {
        let mut device = in_set_3();
        assert_eq!(device.keyboard(&[command]), [0xfa]);
        device.key(Key::A, true);
        device.key(Key::A, true);
        let down = if repeats { vec![0x1c, 0x1c] } else { vec![0x1c] };
        assert_eq!(device.receive(), down, "{command:02x}");
        device.key(Key::A, false);
        let up = if break_code { vec![0xf0, 0x1c] } else { vec![] };
        assert_eq!(device.receive(), up, "{command:02x}");
    }
}

#[test]
fn single_keys_of_set_3_change_their_type_until_the_next_command() {
    for (command, break_code, repeats) in [(0xfb, false, true), (0xfc, true, false), (0xfd, false, false)] {
        let mut device = in_set_3();
        assert_eq!(device.keyboard(&[0xfa, command, 0x1c, 0x62]), [0xfa; 4]);
        assert_eq!(device.keyboard(&[0xf4]), [0xfa]);
        for (key, code) in [(Key::A, 0x1c), (Key::Pause, 0x62)] {
            device.key(key, true);
            device.key(key, true);
            let down = if repeats { vec![code, code] } else { vec![code] };
            assert_eq!(device.receive(), down, "{command:02x}");
            device.key(key, false);
            let up = if break_code { vec![0xf0, code] } else { vec![] };
            assert_eq!(device.receive(), up, "{command:02x}");
        }
        assert_eq!(
            tap(&mut device, Key::B),
            [0x32, 0xf0, 0x32],
            "the others are as they were"
        );
    }
}

#[test]
fn a_code_that_no_key_has_ends_the_list_of_keys() {
    let mut device = in_set_3();
    assert_eq!(device.keyboard(&[0xfd, 0x01]), [0xfa, 0xfe]);
    assert_eq!(device.keyboard(&[0x1c]), [0xfe]);
    assert_eq!(tap(&mut device, Key::A), [0x1c, 0xf0, 0x1c]);
}

#[test]
fn key_types_matter_in_set_3_alone() {
    let (mut device, _) = bench();
    device.keyboard(&[0xf9]);
    assert_eq!(tap(&mut device, Key::A), [0x1c, 0xf0, 0x1c]);
    device.keyboard(&[0xf0, 1]);
    assert_eq!(tap(&mut device, Key::A), [0x1e, 0x9e]);
    device.keyboard(&[0xf0, 3]);
    assert_eq!(tap(&mut device, Key::A), [0x1c]);
}

#[test]
fn by_default_every_key_of_set_3_repeats_and_has_a_break_code() {
    let mut device = in_set_3();
    for key in [Key::A, Key::Shift, Key::F1, Key::KpEnter] {
        device.key(key, true);
        device.key(key, true);
        device.key(key, false);
        let codes = device.receive();
        assert_eq!(codes.len(), 4, "{key}");
        assert_eq!((codes[0], codes[2]), (codes[1], 0xf0), "{key}");
    }
}

#[test]
fn resend_repeats_the_last_byte_sent() {
    let (mut device, _) = bench();
    assert_eq!(device.keyboard(&[0xfe]), [0xaa], "the result of its test");
    assert_eq!(device.keyboard(&[0xf2]), [0xfa, 0xab, 0x83]);
    assert_eq!(device.keyboard(&[0xfe, 0xfe]), [0x83, 0x83]);
    device.key(Key::Up, true);
    assert_eq!(device.read(0), 0xe0);
    device.send(0xfe);
    assert_eq!(device.receive(), [0xe0, 0x75]);
    device.command(0xaa);
    assert_eq!(device.receive(), [0x55]);
    assert_eq!(
        device.keyboard(&[0xfe]),
        [0x75],
        "the controller's bytes are not the keyboard's"
    );
}

#[test]
fn unknown_commands_are_asked_for_again_but_for_zero() {
    let (mut device, _) = bench();
    let known = [0x00, 0xed, 0xee, 0xf0];
    for command in (0..=u8::MAX).filter(|command| !known.contains(command) && *command < 0xf2) {
        assert_eq!(device.keyboard(&[command]), [0xfe], "{command:02x}");
    }
    assert_eq!(device.keyboard(&[0x00]), [0xfa]);
    assert_eq!(device.events().of("unknown_keyboard_command"), 0xf2 - 4);
}

#[test]
fn replies_go_before_scan_codes_and_the_next_byte_discards_them() {
    let (mut device, _) = bench();
    device.key(Key::A, true);
    device.send(0xf2);
    device.key(Key::A, false);
    assert_eq!(device.read(0), 0xfa);
    device.send(0xee);
    assert_eq!(device.receive(), [0xee, 0x1c, 0xf0, 0x1c]);
}

#[test]
fn selecting_a_set_or_enabling_keeps_what_was_typed() {
    let (mut device, _) = bench();
    device.key(Key::A, true);
    device.send(0xf4);
    device.send(0xf0);
    device.send(0x01);
    assert_eq!(device.receive(), [0xfa, 0x1c]);
}

#[test]
fn codes_are_translated_when_they_are_typed() {
    let (mut device, _) = bench();
    device.command_with(0x60, 0x40);
    device.key(Key::A, true);
    device.command_with(0x60, 0x00);
    device.key(Key::A, false);
    assert_eq!(device.receive(), [0x1e, 0xf0, 0x1c]);
}

/// In set 1, which translation is not meant for, one key's break code is the prefix of set 2.
#[test]
fn a_break_prefix_does_not_reach_the_next_key() {
    let (mut device, _) = bench();
    device.keyboard(&[0xf0, 1]);
    device.key(Key::KatakanaHiragana, false);
    assert_eq!(device.receive(), [0xf0]);
    device.command_with(0x60, 0x40);
    device.key(Key::KatakanaHiragana, false);
    device.key(Key::Kp5, true);
    assert_eq!(device.receive(), [0x27]);
}

#[test]
fn the_seventeenth_byte_is_the_overrun_code() {
    for (config, set, code, overrun) in [
        (0, 2, 0x1c, 0x00),
        (0x40, 2, 0x1e, 0xff),
        (0, 1, 0x1e, 0xff),
        (0, 3, 0x1c, 0x00),
    ] {
        let (mut device, _) = bench();
        device.command_with(0x60, config);
        device.keyboard(&[0xf0, set]);
        for _ in 0..16 {
            assert!(device.key(Key::A, true));
        }
        assert!(!device.key(Key::A, true));
        assert!(!device.key(Key::A, true));
        let mut expected = vec![code; 16];
        expected.push(overrun);
        assert_eq!(device.receive(), expected);
        assert!(device.key(Key::A, true));
        assert_eq!(device.receive(), [code]);
    }
}

#[test]
fn a_key_that_does_not_fit_whole_is_lost_whole() {
    let (mut device, _) = bench();
    for _ in 0..15 {
        device.key(Key::A, true);
    }
    assert!(!device.key(Key::Up, true));
    assert!(!device.key(Key::A, true), "nothing overtakes the overrun code");
    let mut expected = vec![0x1c; 15];
    expected.push(0x00);
    assert_eq!(device.receive(), expected);
}

#[test]
fn codes_of_another_keyboard_are_queued_as_they_are_and_as_far_as_they_fit() {
    let (mut device, _) = bench();
    device.command_with(0x60, 0x40);
    for _ in 0..7 {
        assert!(device.key_as_sent(Key::Up, false, &[0xe0, 0xf0, 0x75]));
    }
    assert!(device.key_as_sent(Key::Shift, true, &[0x12]));
    assert!(!device.key_as_sent(Key::Up, true, &[0xe0, 0x75]));
    assert!(!device.key_as_sent(Key::Up, false, &[0xe0, 0xf0, 0x75]));
    let mut expected = [0xe0, 0xc8].repeat(7);
    expected.extend([0x2a, 0xe0]);
    assert_eq!(device.events().of("key_lost"), 2);
    assert_eq!(device.receive(), expected);
    assert_eq!(
        device.scan_codes(Key::Print, true).as_slice(),
        [0xe0, 0x7c],
        "held keys are known"
    );
    device.send(0xf2);
    for _ in 0..13 {
        assert!(device.key_as_sent(Key::A, true, &[0x1c]));
    }
    assert!(
        !device.key_as_sent(Key::A, true, &[0x1c]),
        "unread replies take room here"
    );
}

#[test]
fn replies_need_no_room_in_the_buffer() {
    let (mut device, _) = bench();
    for _ in 0..17 {
        device.key(Key::A, true);
    }
    device.send(0xf2);
    assert_eq!(device.receive().len(), 3 + 17);
}

#[test]
fn after_power_on_its_test_result_has_been_taken() {
    let (mut device, _) = bench();
    assert_eq!(device.status() & 1, 0);
    assert_eq!(device.state(), I8042State::RESET);
}
