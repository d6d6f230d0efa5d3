//! Any state goes through its mirror and through bytes; codes that mean nothing are refused by name.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use devstate_core::NoInterrupt;
use devstate_i8042::{
    ByteQueue, Config, ControllerReply, I8042, I8042State, InputPortPoll, Key, KeySet, KeyType, KeyboardOption,
    KeyboardState, Lock, MouseArgument, MouseButtons, MouseInput, MouseProtocol, MouseState, NoControl, NoEvents,
    OutputBuffer, PendingCommand, RateSequence, ScanCodeSet,
};
use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_versioning::wire::Layout;
use devstate_versioning::{Loss, Mirror, ReleaseTable, buffer, release_table};
use proptest::prelude::*;

release_table! {
    enum Release { V1 = 1 @ 0x163e_3174_c1c8_2bc9, V2 = 2 @ open }
    I8042StateSer => [1, 2],
}

fn through_bytes(state: &I8042State) -> I8042State {
    let mut memory = buffer!(I8042StateSer);
    let snapshot = Release::save(&I8042StateSer::new(state), &mut memory).unwrap();
    let mut mirror = I8042StateSer::default();
    Release::load(snapshot, &mut mirror).unwrap();
    I8042State::try_from(&mirror).unwrap()
}

/// Every field off its default.
fn busy() -> I8042State {
    I8042State {
        config: 0x43,
        ram: core::array::from_fn(|index| index as u8 + 1),
        output_port: 0xdd,
        system_flag: true,
        last_write_was_command: true,
        input_port_poll: InputPortPoll::High,
        pending_command: PendingCommand::WriteRam(31),
        output_buffer: OutputBuffer::Mouse,
        reply: ControllerReply::Mouse(0x5a),
        last_read: 0xfa,
        password: ByteQueue::from_array([0x1e, 0x30]),
        lock: Lock::Open,
        keyboard: KeyboardState {
            option: KeyboardOption::Keys(KeyType::Make),
            scan_code_set: ScanCodeSet::Three,
            scanning: false,
            leds: 5,
            typematic: 0x7f,
            last_sent: 0x1c,
            replies: ByteQueue::from_array([0xfa, 0xaa]),
            codes: ByteQueue::from_array([0x1e, 0x9e, 0x30]),
            overrun: Some(0xff),
            held: KeySet(core::array::from_fn(|index| index as u8 & 0x0d)),
            sys_rq: true,
            without_break: KeySet::ALL,
            without_repeat: KeySet(core::array::from_fn(|index| 0x40 >> (index % 7))),
        },
        mouse: MouseState {
            argument: MouseArgument::SampleRate,
            remote: true,
            wrap: false,
            reporting: true,
            scaling_2_1: true,
            resolution: 3,
            sample_rate: 200,
            protocol: MouseProtocol::ExplorerHorizontal,
            rate_sequence: RateSequence::Rate200Then100,
            buttons: MouseButtons(0x15),
            reported: MouseButtons(0x14),
            clicks: MouseButtons(0x02),
            dx: -300,
            dy: 400,
            dz: -5,
            dw: 6,
            replies: ByteQueue::from_array([0xfa]),
            packets: ByteQueue::from_array([0x01, 0x02, 0x03, 0x08, 0x04, 0x05, 0x06]),
            begun: 3,
            last_sent: ByteQueue::from_array([0x08, 0x01, 0x02, 0x03]),
        },
    }
}

#[test]
fn a_state_with_every_field_in_use_goes_through_bytes() {
    assert_eq!(busy().validate(), Ok(()));
    assert_eq!(through_bytes(&busy()), busy());
    let locked = I8042State {
        config: 0x53,
        reply: ControllerReply::None,
        output_buffer: OutputBuffer::Empty,
        lock: Lock::Locked(1),
        ..busy()
    };
    assert_eq!(through_bytes(&locked), locked);
}

/// The bytes of `busy`, up to the end of the keyboard's version 1.
fn controller_and_keyboard() -> Vec<u8> {
    let mut expected = vec![0x43];
    expected.extend(1..=31);
    expected.extend([0xdd, 1, 1, 0xc2, 0x7f, 3, 0, 1, 0x5a, 0xfa, 2, 0x1e, 0x30, 0]);
    expected.extend([0xfd, 3, 0, 5, 0x7f, 0x1c, 2, 0xfa, 0xaa, 3, 0x1e, 0x9e, 0x30, 1, 0xff]);
    expected.extend((0..19).map(|index| index & 0x0d));
    expected.extend([0xff; 18]);
    expected.push(0x07);
    expected.extend((0..19).map(|index| 0x40u8 >> (index % 7)));
    expected
}

/// The bytes of `busy`: the mouse's, up to its queue.
fn mouse() -> Vec<u8> {
    let mut expected = vec![0xf3, 1, 0, 1, 1, 3, 200, 4, 2, 0x15];
    for counts in [-300i16, 400, -5, 6] {
        expected.extend(counts.to_le_bytes());
    }
    expected.extend([1, 8, 0x01, 0x02, 0x03, 0xfa, 0x08, 0x04, 0x05, 0x06]);
    expected
}

#[test]
fn version_1_has_these_bytes() {
    let mut expected = controller_and_keyboard();
    expected.extend(mouse());
    expected.extend([4, 0x08, 0x01, 0x02, 0x03]);
    let (mirror, mut scratch, mut bytes) = (I8042StateSer::new(&busy()), I8042StateSer::default(), [0xa5; 256]);
    let translated = Release::V1.downgrade_lossy(&mirror, &mut scratch, &mut |_| true);
    assert_eq!(translated.unwrap().encode(&mut bytes).unwrap(), expected);
}

#[test]
fn version_2_has_these_bytes() {
    let mut expected = controller_and_keyboard();
    expected.push(1);
    expected.extend(mouse());
    expected.extend([1, 0, 0x14, 0x02, 3, 4, 4, 0x08, 0x01, 0x02, 0x03]);
    let mut bytes = [0xa5; 256];
    let mirror = I8042StateSer::new(&busy());
    assert_eq!(Release::latest(&mirror).encode(&mut bytes).unwrap(), expected);
}

/// Returns the fields that version 1 loses: all, and those that an older reader needs.
fn losses(state: &I8042State) -> (Vec<String>, Vec<String>) {
    let (mut all, mut needed) = (Vec::new(), Vec::new());
    let mirror = I8042StateSer::new(state);
    let visit = &mut |loss: &Loss| {
        let field = loss.field.display(I8042StateSer::SCHEMA).to_string();
        if !loss.ignorable {
            needed.push(field.clone());
        }
        all.push(field);
    };
    Release::V1
        .losses(&mirror, &mut I8042StateSer::default(), visit)
        .unwrap();
    (all, needed)
}

#[test]
fn version_1_loses_what_it_has_no_place_for() {
    assert_eq!(losses(&busy()).1, ["keyboard.sys_rq", "mouse.clicks"]);
    let mut state = I8042State::RESET;
    assert_eq!(losses(&state).0, ["mouse.last_sent"], "version 1 resends packets only");
    state.mouse.protocol = MouseProtocol::Explorer;
    assert_eq!(losses(&state).1, ["mouse.horizontal"]);
    state.mouse.protocol = MouseProtocol::ExplorerHorizontal;
    state.mouse.rate_sequence = RateSequence::Rate200Then80;
    assert_eq!(losses(&state).1, ["mouse.horizontal_begun"]);
}

/// Takes a state through version 1, whatever that loses.
fn through_version_1(change: impl FnOnce(&mut I8042State)) -> I8042State {
    let mut state = I8042State::RESET;
    change(&mut state);
    let (mut scratch, mut memory) = (I8042StateSer::default(), buffer!(I8042StateSer));
    let mirror = I8042StateSer::new(&state);
    let translated = Release::V1
        .downgrade_lossy(&mirror, &mut scratch, &mut |_| true)
        .unwrap();
    let mut mirror = I8042StateSer::default();
    assert_eq!(
        Release::load(translated.save(&mut memory).unwrap(), &mut mirror),
        Ok(Release::V1)
    );
    I8042State::try_from(&mirror).unwrap()
}

#[test]
fn a_queue_of_version_1_is_read_in_its_order() {
    let state = through_version_1(|state| {
        state.output_buffer = OutputBuffer::Mouse;
        state.mouse.packets = ByteQueue::from_array([1, 2, 0x08, 3, 4]);
        state.mouse.begun = 2;
        state.mouse.replies = ByteQueue::from_array([0xfa]);
        state.mouse.last_sent = ByteQueue::from_array([0x08, 1, 2]);
    });
    let mut device = I8042::from_state(&state, NoInterrupt, NoInterrupt, NoControl, NoEvents, Config::DEFAULT).unwrap();
    assert_eq!([0; 6].map(|_| device.read(0)), [1, 2, 0xfa, 0x08, 3, 4]);
    device.write(4, 0xd4);
    device.write(0, 0xfe);
    assert_eq!(
        [0; 3].map(|_| device.read(0)),
        [0x08, 1, 2],
        "version 1 has the last packet"
    );
}

#[test]
fn an_explorer_of_version_1_reports_its_horizontal_wheel() {
    for (before, after) in [
        (MouseProtocol::Standard, MouseProtocol::Standard),
        (MouseProtocol::IntelliMouse, MouseProtocol::IntelliMouse),
        (MouseProtocol::Explorer, MouseProtocol::ExplorerHorizontal),
        (MouseProtocol::ExplorerHorizontal, MouseProtocol::ExplorerHorizontal),
    ] {
        assert_eq!(
            through_version_1(|state| state.mouse.protocol = before).mouse.protocol,
            after
        );
    }
}

#[test]
fn unreported_buttons_of_version_1_are_reported() {
    let state = through_version_1(|state| {
        state.mouse.reporting = true;
        state.mouse.buttons = MouseButtons::RIGHT;
    });
    let mut device = I8042::from_state(&state, NoInterrupt, NoInterrupt, NoControl, NoEvents, Config::DEFAULT).unwrap();
    assert!(device.report_mouse());
    assert_eq!([0; 3].map(|_| device.read(0)), [0x0a, 0, 0]);
    let reported = through_version_1(|state| {
        (state.mouse.buttons, state.mouse.reported) = (MouseButtons::RIGHT, MouseButtons::RIGHT);
    });
    assert!(!reported.mouse.unreported());
}

#[test]
fn print_screen_of_version_1_is_system_request_with_alt() {
    let held = |keys: &[Key]| {
        let mut held = KeySet::EMPTY;
        for key in keys {
            held.set(*key, true);
        }
        through_version_1(|state| state.keyboard.held = held).keyboard.sys_rq
    };
    assert!(held(&[Key::Print, Key::Alt]) && held(&[Key::Print, Key::AltR]));
    assert!(!held(&[Key::Print]) && !held(&[Key::Alt]));
}

#[test]
fn a_conversion_validates() {
    let refused = |change: fn(&mut I8042StateSer)| {
        let mut mirror = I8042StateSer::default();
        change(&mut mirror);
        I8042State::try_from(&mirror).unwrap_err().field
    };
    assert_eq!(refused(|mirror| mirror.mouse.resolution = 9), "mouse.resolution");
    assert_eq!(refused(|mirror| mirror.keyboard.leds = 8), "keyboard.leds");
    assert_eq!(refused(|mirror| mirror.output_buffer = 1), "output_buffer");
    assert_eq!(refused(|mirror| mirror.mouse.unreported = true), "mouse.unreported");
    assert_eq!(refused(|mirror| mirror.mouse.dx = 1), "mouse.unreported");
    assert_eq!(refused(|mirror| mirror.mouse.waiting = 1), "mouse.waiting");
    assert_eq!(refused(|mirror| mirror.mouse.horizontal = true), "mouse.horizontal");
    let mouse = MouseStateSer {
        resolution: 9,
        ..MouseStateSer::default()
    };
    assert_eq!(MouseState::try_from(&mouse).unwrap_err().field, "mouse.resolution");
    let keyboard = KeyboardStateSer {
        leds: 8,
        ..KeyboardStateSer::default()
    };
    assert_eq!(KeyboardState::try_from(&keyboard).unwrap_err().field, "keyboard.leds");
}

/// The largest state is small.
const _: () = assert!(I8042StateSer::MAX_ENCODED_LEN == 197);

#[test]
fn the_wires_arrays_are_as_long_as_the_states() {
    assert_eq!(KeySet::LEN, KeyboardStateSer::default().held.len());
    assert_eq!(I8042StateSer::default(), I8042StateSer::from(&I8042State::RESET));
    assert_eq!(
        KeyboardStateSer::from(&KeyboardState::RESET),
        KeyboardStateSer::default()
    );
    assert_eq!(MouseStateSer::from(&MouseState::RESET), MouseStateSer::default());
}

#[test]
fn every_code_means_one_thing_or_is_refused_by_its_field() {
    type Set = fn(&mut I8042StateSer, u8);
    let codes: [(&str, Set, usize); 8] = [
        ("input_port_poll", |mirror, code| mirror.input_port_poll = code, 3),
        ("pending_command", |mirror, code| mirror.pending_command = code, 38),
        ("output_buffer", |mirror, code| mirror.output_buffer = code, 1),
        ("keyboard.option", |mirror, code| mirror.keyboard.option = code, 7),
        (
            "keyboard.scan_code_set",
            |mirror, code| mirror.keyboard.scan_code_set = code,
            3,
        ),
        ("mouse.argument", |mirror, code| mirror.mouse.argument = code, 3),
        ("mouse.protocol", |mirror, code| mirror.mouse.protocol = code, 3),
        (
            "mouse.rate_sequence",
            |mirror, code| mirror.mouse.rate_sequence = code,
            4,
        ),
    ];
    for (field, set, known) in codes {
        let mut accepted = 0;
        for code in 0..=u8::MAX {
            let mut mirror = I8042StateSer::default();
            set(&mut mirror, code);
            match I8042State::try_from(&mirror) {
                Ok(state) => {
                    accepted += 1;
                    assert_eq!(I8042StateSer::new(&state), mirror);
                }
                Err(error) => assert_eq!((error.field, error.value), (field, code.into())),
            }
        }
        assert_eq!(accepted, known, "{field}");
    }
    let mut mirror = I8042StateSer::default();
    (mirror.keyboard_reply, mirror.mouse_reply) = (Some(1), Some(2));
    let error = I8042State::try_from(&mirror).unwrap_err();
    assert_eq!((error.field, error.value), ("mouse_reply", 2));
}

proptest! {
    #[test]
    fn whatever_a_guest_does_goes_through_bytes(
        steps in prop::collection::vec((0..5u8, any::<u8>(), any::<i8>()), 1..200)
    ) {
        let mut device = I8042::new(NoInterrupt, NoInterrupt, NoControl);
        for (kind, value, counts) in steps {
            match kind {
                0 => drop(device.read(0)),
                1 => device.write(0, value),
                2 => device.write(4, value),
                3 => drop(device.key(Key::ALL[usize::from(value) % Key::ALL.len()], counts < 0)),
                _ => drop(device.mouse(&MouseInput {
                    dx: i16::from(counts) * 8,
                    dz: counts.into(),
                    buttons: MouseButtons(value),
                    ..MouseInput::NONE
                })),
            }
            let state = device.state();
            prop_assert_eq!(through_bytes(&state), state);
            device = I8042::from_state(&state, NoInterrupt, NoInterrupt, NoControl, NoEvents, Config::DEFAULT).unwrap();
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn mirrors_go_through_json() {
    let mirror = I8042StateSer::new(&busy());
    let json = serde_json::to_string(&mirror).unwrap();
    assert_eq!(serde_json::from_str::<I8042StateSer>(&json).unwrap(), mirror);
}
