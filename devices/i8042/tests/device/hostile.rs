//! States that nobody saved: every byte of every field at every value is accepted or refused by the field's name, and
//! an accepted one never misbehaves.

use devstate_i8042::{
    ByteQueue, ControllerReply, I8042State, Key, KeyType, KeyboardOption, Lock, MouseArgument, MouseButtons,
    MouseInput, OutputBuffer, PendingCommand,
};

use crate::support::{Guest, bench, restored};

type Set = Box<dyn Fn(&mut I8042State, u8)>;
type Allowed = fn(&I8042State, u8) -> bool;

/// A field's byte: the names that its refusal may have, how it is set, and what it may be next to the others.
struct Field(&'static [&'static str], Set, Allowed);

#[expect(clippy::too_many_lines, reason = "a list of all fields")]
fn fields() -> Vec<Field> {
    let any: Allowed = |_, _| true;
    let mut fields = vec![
        Field(&[], Box::new(|state, value| state.output_port = value), any),
        Field(&[], Box::new(|state, value| state.last_read = value), any),
        Field(
            &["pending_command"],
            Box::new(|state, value| state.pending_command = PendingCommand::WriteRam(value)),
            |_, value| value < 32,
        ),
        Field(
            &["keyboard.leds"],
            Box::new(|state, value| state.keyboard.leds = value),
            |_, value| value < 8,
        ),
        Field(
            &["keyboard.typematic"],
            Box::new(|state, value| state.keyboard.typematic = value),
            |_, value| value < 0x80,
        ),
        Field(&[], Box::new(|state, value| state.keyboard.last_sent = value), any),
        Field(
            &["keyboard.overrun"],
            Box::new(|state, value| state.keyboard.overrun = Some(value)),
            |_, value| value == 0 || value == 0xff,
        ),
        Field(
            &["mouse.resolution"],
            Box::new(|state, value| state.mouse.resolution = value),
            |_, value| value < 4,
        ),
        Field(&[], Box::new(|state, value| state.mouse.sample_rate = value), any),
        Field(
            &["mouse.buttons"],
            Box::new(|state, value| state.mouse.buttons = MouseButtons(value)),
            |_, value| value < 32,
        ),
        Field(
            &[],
            Box::new(|state, value| state.mouse.dx = i16::from(value) << 8),
            any,
        ),
        Field(&[], Box::new(|state, value| state.mouse.dw = value.into()), any),
        Field(
            &["mouse.reported", "mouse.clicks"],
            Box::new(|state, value| state.mouse.reported = MouseButtons(value)),
            |_, value| value < 32,
        ),
        Field(
            &["mouse.clicks"],
            Box::new(|state, value| state.mouse.clicks = MouseButtons(value)),
            |_, value| value < 8,
        ),
        Field(
            &["mouse.begun", "mouse.packets.len"],
            Box::new(|state, value| state.mouse.begun = value),
            |state, value| value < 4 && value <= state.mouse.packets.len && value % 3 == 0,
        ),
        Field(
            &["keyboard.sys_rq"],
            Box::new(|state, value| state.keyboard.sys_rq = value != 0),
            |state, value| value == 0 || state.keyboard.held.contains(Key::Print),
        ),
        Field(
            &["lock"],
            Box::new(|state, value| {
                state.password = ByteQueue::from_array([0x1e, 0x30]);
                state.lock = Lock::Locked(value);
                state.output_buffer = OutputBuffer::Empty;
                state.reply = ControllerReply::None;
                state.keyboard.replies = ByteQueue::EMPTY;
                state.keyboard.codes = ByteQueue::EMPTY;
                state.keyboard.overrun = None;
            }),
            |state, value| value < 2 && state.pending_command != PendingCommand::LoadPassword,
        ),
    ];
    for index in 0..31 {
        fields.push(Field(&[], Box::new(move |state, value| state.ram[index] = value), any));
    }
    for index in 0..8usize {
        fields.push(Field(
            &["password.bytes"],
            Box::new(move |state, value| {
                state.password.bytes[index] = value;
            }),
            match index {
                0 | 1 => |state, value| (value != 0) == (state.password.len > 0),
                _ => |_, value| value == 0,
            },
        ));
    }
    for index in 0..19 {
        let keys: Allowed = if index == 18 { |_, value| value < 8 } else { |_, _| true };
        fields.push(Field(
            &["keyboard.held"],
            Box::new(move |state, value| state.keyboard.held.0[index] = value),
            keys,
        ));
        fields.push(Field(
            &["keyboard.without_break"],
            Box::new(move |state, value| state.keyboard.without_break.0[index] = value),
            keys,
        ));
        fields.push(Field(
            &["keyboard.without_repeat"],
            Box::new(move |state, value| state.keyboard.without_repeat.0[index] = value),
            keys,
        ));
    }
    fields
}

/// States to start from: idle, with everything waiting, and with something unreported.
fn starts() -> Vec<I8042State> {
    let (mut device, _) = bench();
    let idle = device.state();
    device.mouse_command(&[0xf4]);
    device.mouse(&MouseInput {
        dx: 700,
        ..MouseInput::NONE
    });
    for _ in 0..17 {
        device.key(Key::A, true);
    }
    device.write(0, 0xf2);
    device.write(4, 0xa5);
    device.write(0, 0x1e);
    device.write(0, 0x30);
    let busy = device.state();
    device.write(0, 0x00);
    device.write(4, 0xaa);
    vec![idle, busy, device.state()]
}

#[test]
fn every_byte_of_every_field_is_accepted_or_refused_by_its_name() {
    for start in starts() {
        assert_eq!(start.validate(), Ok(()));
        for Field(names, set, allowed) in fields() {
            for value in 0..=u8::MAX {
                let mut state = start;
                set(&mut state, value);
                match state.validate() {
                    Ok(()) => {
                        assert!(allowed(&start, value), "{names:?} accepted {value:#x}: {start:?}");
                        use_it(&state);
                    }
                    Err(error) => {
                        let name = error.field;
                        // An overrun code is a byte that waits: an empty output buffer does not go with it.
                        let consequence = name == "output_buffer" && names.contains(&"keyboard.overrun");
                        assert!(names.contains(&name) || consequence, "{names:?} refused as {name}");
                        assert!(consequence || !allowed(&start, value), "{names:?} refused {value:#x}");
                    }
                }
            }
        }
    }
}

#[test]
fn lengths_beyond_the_queue_and_bytes_beyond_the_length_are_refused() {
    type Queue = (&'static str, usize, fn(&mut I8042State, u8), fn(&mut I8042State, usize));
    let queues: [Queue; 6] = [
        (
            "password",
            8,
            |state, len| state.password.len = len,
            |state, index| {
                state.password.bytes[index] = 1;
            },
        ),
        (
            "keyboard.replies",
            3,
            |state, len| state.keyboard.replies.len = len,
            |state, index| {
                state.keyboard.replies.bytes[index] = 1;
            },
        ),
        (
            "keyboard.codes",
            16,
            |state, len| state.keyboard.codes.len = len,
            |state, index| {
                state.keyboard.codes.bytes[index] = 1;
            },
        ),
        (
            "mouse.replies",
            24,
            |state, len| state.mouse.replies.len = len,
            |state, index| {
                state.mouse.replies.bytes[index] = 1;
            },
        ),
        (
            "mouse.packets",
            16,
            |state, len| state.mouse.packets.len = len,
            |state, index| {
                state.mouse.packets.bytes[index] = 1;
            },
        ),
        (
            "mouse.last_sent",
            5,
            |state, len| state.mouse.last_sent.len = len,
            |state, index| {
                state.mouse.last_sent = ByteQueue::EMPTY;
                state.mouse.last_sent.bytes[index] = 1;
            },
        ),
    ];
    for (name, capacity, set_len, set_byte) in queues {
        for len in capacity as u8 + 1..=u8::MAX {
            let mut state = I8042State::RESET;
            set_len(&mut state, len);
            let error = state.validate().unwrap_err();
            assert_eq!((error.field, error.value), (format!("{name}.len").as_str(), len.into()));
        }
        for index in 0..capacity {
            let mut state = I8042State::RESET;
            set_byte(&mut state, index);
            let error = state.validate().unwrap_err();
            assert_eq!(error.field, format!("{name}.bytes"));
            assert_eq!((error.index, error.value), (Some(index as u16), 1));
        }
    }
}

#[test]
fn an_output_buffer_that_contradicts_the_queues_is_refused() {
    let refused = |change: fn(&mut I8042State)| {
        let mut state = I8042State::RESET;
        change(&mut state);
        state.validate().unwrap_err().field
    };
    assert_eq!(
        refused(|state| state.output_buffer = OutputBuffer::Controller),
        "output_buffer"
    );
    assert_eq!(
        refused(|state| state.output_buffer = OutputBuffer::Keyboard),
        "output_buffer"
    );
    assert_eq!(
        refused(|state| state.output_buffer = OutputBuffer::Mouse),
        "output_buffer"
    );
    assert_eq!(
        refused(|state| state.reply = ControllerReply::Keyboard(1)),
        "output_buffer"
    );
    assert_eq!(
        refused(|state| state.reply = ControllerReply::Mouse(1)),
        "output_buffer"
    );
    assert_eq!(
        refused(|state| state.keyboard.codes = ByteQueue::from_array([0x1c])),
        "output_buffer"
    );
    assert_eq!(
        refused(|state| state.mouse.replies = ByteQueue::from_array([0xfa])),
        "output_buffer"
    );
}

fn locked() -> I8042State {
    let mut state = I8042State::RESET;
    state.password = ByteQueue::from_array([0x1e, 0x30]);
    state.lock = Lock::Locked(1);
    state
}

#[test]
fn a_lock_lets_nothing_into_the_output_buffer() {
    assert_eq!(locked().validate(), Ok(()));
    let mut state = locked();
    state.keyboard.codes = ByteQueue::from_array([0x1c]);
    assert_eq!(state.validate().unwrap_err().field, "keyboard.codes.len");
    state.output_buffer = OutputBuffer::Keyboard;
    assert_eq!(state.validate().unwrap_err().field, "output_buffer");
    let mut state = locked();
    state.mouse.replies = ByteQueue::from_array([0xfa]);
    assert_eq!(state.validate(), Ok(()));
    state.output_buffer = OutputBuffer::Mouse;
    assert_eq!(state.validate().unwrap_err().field, "output_buffer");
    let mut state = locked();
    state.pending_command = PendingCommand::LoadPassword;
    assert_eq!(state.validate().unwrap_err().field, "lock");
}

#[test]
fn wrap_mode_and_an_argument_exclude_each_other() {
    let mut state = I8042State::RESET;
    state.mouse.wrap = true;
    assert_eq!(state.validate(), Ok(()));
    for argument in [MouseArgument::Resolution, MouseArgument::SampleRate] {
        state.mouse.argument = argument;
        assert_eq!(state.validate().unwrap_err().field, "mouse.wrap");
    }
}

#[test]
fn packets_are_whole_behind_the_one_that_is_being_read() {
    for (bytes, begun, field) in [
        (&[0x08, 0][..], 0, Some("mouse.packets.len")),
        (&[0x08, 0], 2, None),
        (&[0, 0x08, 0, 0], 1, None),
        (&[0, 0x08, 0, 0], 2, Some("mouse.packets.len")),
        (&[0; 4], 4, Some("mouse.begun")),
        (&[], 1, Some("mouse.packets.len")),
    ] {
        let mut state = I8042State::RESET;
        state.mouse.packets = ByteQueue::from_slice(bytes).unwrap();
        state.mouse.begun = begun;
        if !bytes.is_empty() {
            state.output_buffer = OutputBuffer::Mouse;
        }
        assert_eq!(
            state.validate().err().map(|error| error.field),
            field,
            "{bytes:?}, {begun}"
        );
    }
    let mut state = I8042State::RESET;
    state.output_buffer = OutputBuffer::Mouse;
    state.mouse.packets = ByteQueue::from_array([0x08, 0, 0]);
    state.mouse.replies = ByteQueue::from_array([0xfa; 21]);
    assert_eq!(state.validate(), Ok(()));
    state.mouse.replies = ByteQueue::from_array([0xfa; 22]);
    assert_eq!(state.validate().unwrap_err().field, "mouse.replies.len");
}

#[test]
fn a_click_is_of_a_button_that_is_as_last_reported() {
    let mut state = I8042State::RESET;
    state.mouse.clicks = MouseButtons::LEFT;
    assert_eq!(state.validate(), Ok(()));
    state.mouse.buttons = MouseButtons::LEFT;
    assert_eq!(state.validate().unwrap_err().field, "mouse.clicks");
    state.mouse.reported = MouseButtons::LEFT;
    assert_eq!(state.validate(), Ok(()));
    state.mouse.clicks = MouseButtons::FOURTH;
    assert_eq!(state.validate().unwrap_err().field, "mouse.clicks");
}

/// Reads, writes and moves everything once.
fn use_it(state: &I8042State) {
    let (mut device, _) = restored(state);
    device.key(Key::Pause, true);
    device.mouse(&MouseInput {
        dx: -1,
        dz: 1,
        dw: 1,
        ..MouseInput::NONE
    });
    for (offset, value) in [(0, 0x1c), (4, 0xd4), (0, 0xeb), (4, 0xd0)] {
        device.write(offset, value);
    }
    device.receive();
    assert_eq!(device.state().validate(), Ok(()));
}

#[test]
fn every_option_of_the_keyboard_is_a_state() {
    for option in [
        KeyboardOption::Leds,
        KeyboardOption::ScanCodeSet,
        KeyboardOption::Typematic,
        KeyboardOption::Keys(KeyType::Typematic),
        KeyboardOption::Keys(KeyType::MakeBreak),
        KeyboardOption::Keys(KeyType::Make),
    ] {
        let mut state = I8042State::RESET;
        state.keyboard.option = option;
        assert_eq!(state.validate(), Ok(()));
        for byte in 0..=u8::MAX {
            let (mut device, _) = restored(&state);
            assert!(!device.keyboard(&[byte]).is_empty());
        }
    }
}
