//! Commands to the keyboard, one by one.

use devstate_i8042::{I8042State, Key, KeyboardState, ScanCodeSet};

use crate::support::{Bench, Guest, SIXTEEN, bench};

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
    assert_eq!(device.keyboard(&[0xed, 0xea]), [0xfa, 0xfa]);
    assert_eq!(device.leds(), 2, "bits that do not exist");
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
fn scan_code_sets_are_selected_and_read() {
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
        assert_eq!(device.receive(), [0x1c], "{command:02x}");
        device.key(Key::A, true);
        let again = if repeats { vec![0x1c] } else { vec![] };
        assert_eq!(device.receive(), again, "{command:02x}");
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
            assert_eq!(device.receive(), [code], "{command:02x}");
            device.key(key, true);
            let again = if repeats { vec![code] } else { vec![] };
            assert_eq!(device.receive(), again, "{command:02x}");
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
        let mut codes = device.receive();
        device.key(key, true);
        device.key(key, false);
        codes.extend(device.receive());
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
fn unknown_commands_are_rejected_but_for_zero() {
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
    for (config, set, overrun, code) in [
        (0, 2, 0x00, 0x15),
        (0x40, 2, 0xff, 0x10),
        (0, 1, 0xff, 0x10),
        (0, 3, 0x00, 0x15),
    ] {
        let (mut device, _) = bench();
        device.command_with(0x60, config);
        device.keyboard(&[0xf0, set]);
        for key in SIXTEEN {
            assert!(device.key(key, true));
        }
        for _ in 0..2 {
            assert!(!device.key(Key::Q, true));
        }
        let codes = device.receive();
        assert_eq!((codes.len(), codes[16]), (17, overrun), "set {set}");
        assert!(device.key(Key::Q, true), "it did not count as down");
        assert_eq!(device.receive(), [code]);
    }
}

#[test]
fn a_key_that_does_not_fit_whole_is_lost_whole() {
    let (mut device, _) = bench();
    for key in &SIXTEEN[..15] {
        device.key(*key, true);
    }
    assert!(!device.key(Key::Up, true));
    assert!(!device.key(Key::Q, true), "nothing overtakes the overrun code");
    let codes = device.receive();
    assert_eq!((codes.len(), codes[15]), (16, 0x00));
}

#[test]
fn a_release_that_is_lost_can_be_repeated() {
    let (mut device, _) = bench();
    for key in SIXTEEN {
        device.key(key, true);
    }
    assert!(!device.key(Key::A, false));
    assert!(device.state().keyboard.held.contains(Key::A), "as the guest sees it");
    device.receive();
    assert!(device.key(Key::A, false));
    assert_eq!(device.receive(), [0xf0, 0x1c]);
    assert!(!device.state().keyboard.held.contains(Key::A));
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
    for key in SIXTEEN {
        device.key(key, true);
    }
    device.key(Key::Q, true);
    device.send(0xf2);
    assert_eq!(device.receive().len(), 3 + 17);
}

#[test]
fn after_power_on_its_test_result_has_been_taken() {
    let (mut device, _) = bench();
    assert_eq!(device.status() & 1, 0);
    assert_eq!(device.state(), I8042State::RESET);
}

#[test]
fn repeats_of_a_held_key_leave_room_for_its_release() {
    let (mut device, _) = bench();
    for _ in 0..40 {
        assert!(device.key(Key::A, true));
    }
    assert!(device.key(Key::A, false));
    assert_eq!(device.receive(), [0x1c, 0xf0, 0x1c]);
    assert_eq!(device.events().of("key_lost"), 0);
}

#[test]
fn a_repeat_is_stored_only_if_the_keyboard_can_send_it() {
    let (mut device, _) = bench();
    device.key(Key::A, true);
    assert_eq!(device.receive(), [0x1c]);
    device.key(Key::A, true);
    assert_eq!(device.receive(), [0x1c], "the repeat of a guest that keeps up");
    device.command(0xad);
    for _ in 0..40 {
        assert!(device.key(Key::A, true));
    }
    device.key(Key::A, false);
    device.command(0xae);
    assert_eq!(device.receive(), [0xf0, 0x1c], "the port was disabled");
    device.key(Key::B, true);
    device.receive();
    device.send(0xf2);
    device.key(Key::B, true);
    assert_eq!(device.receive(), [0xfa, 0xab, 0x83], "a reply was unread");
    device.key(Key::Shift, true);
    device.key(Key::B, true);
    device.key(Key::C, true);
    assert_eq!(device.receive(), [0x12, 0x21], "another key was unread");
}

#[test]
fn held_keys_are_followed_while_scanning_is_disabled() {
    let (mut device, _) = bench();
    device.key(Key::Ctrl, true);
    device.receive();
    device.keyboard(&[0xf5]);
    device.key(Key::Ctrl, false);
    assert_eq!(device.receive(), []);
    device.keyboard(&[0xf4]);
    device.key(Key::Pause, true);
    assert_eq!(device.receive(), [0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77]);
    device.keyboard(&[0xf5]);
    device.key_as_sent(Key::Shift, true, &[]);
    device.keyboard(&[0xf4]);
    device.key(Key::Print, true);
    assert_eq!(device.receive(), [0xe0, 0x7c]);
}

#[test]
fn keypad_divide_and_subtract_have_codes_of_their_own_in_set_3() {
    let (mut device, _) = bench();
    device.keyboard(&[0xf0, 3]);
    assert_eq!(tap(&mut device, Key::KpDivide), [0x77, 0xf0, 0x77]);
    assert_eq!(tap(&mut device, Key::KpSubtract), [0x84, 0xf0, 0x84]);
    assert_eq!(device.keyboard(&[0xfd, 0x4a]), [0xfa, 0xfa]);
    assert_eq!(tap(&mut device, Key::Slash), [0x4a]);
    assert_eq!(tap(&mut device, Key::KpDivide), [0x77, 0xf0, 0x77], "another key");
}

#[test]
fn resend_repeats_the_last_byte_that_was_no_request_to_resend() {
    let (mut device, _) = bench();
    assert_eq!(device.keyboard(&[0xee, 0xef, 0xfe, 0xfe]), [0xee, 0xfe, 0xee, 0xee]);
    assert_eq!(device.keyboard(&[0xf0, 0x05, 0xfe]), [0xfa, 0xfe, 0xfa]);
}

#[test]
fn print_screen_goes_up_as_the_key_that_went_down() {
    for (set, alt, sys_rq, print) in [
        (1, Key::Alt, &[0xd4][..], &[0xe0, 0xb7][..]),
        (1, Key::AltR, &[0xd4], &[0xe0, 0xb7]),
        (2, Key::Alt, &[0xf0, 0x84], &[0xe0, 0xf0, 0x7c]),
        (2, Key::AltR, &[0xf0, 0x84], &[0xe0, 0xf0, 0x7c]),
    ] {
        let (mut device, _) = bench();
        device.keyboard(&[0xf0, set]);
        device.key(alt, true);
        device.key(Key::Print, true);
        device.key(alt, false);
        device.receive();
        device.key(Key::Print, false);
        assert_eq!(device.receive(), sys_rq, "set {set}, {alt} goes up first");
        device.key(Key::Print, true);
        device.key(alt, true);
        device.receive();
        device.key(Key::Print, false);
        let codes = device.receive();
        assert!(
            codes.starts_with(print),
            "set {set}, {alt} goes down second: {codes:02x?}"
        );
    }
}

#[test]
fn a_typematic_setting_that_does_not_exist_is_rejected() {
    let (mut device, _) = bench();
    device.keyboard(&[0xf3, 0x20]);
    for setting in 0x80..0xed {
        assert_eq!(device.keyboard(&[0xf3, setting]), [0xfa, 0xfe], "{setting:02x}");
    }
    assert_eq!(device.state().keyboard.typematic, 0x20);
}
