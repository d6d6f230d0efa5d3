//! Capturing controller, keyboard and mouse as firmware does, and programming others with what was captured. The hardware
//! is the device.

use devstate_core::{NoInterrupt, RegisterIo};
use devstate_i8042::{
    ApplyError, I8042, I8042State, Key, KeyboardState, MouseInput, MouseState, NoAnswer, NoControl, Part, Unapplied,
};

struct Hardware(I8042<NoInterrupt, NoInterrupt, NoControl>);

impl Hardware {
    fn new() -> Self {
        Self(I8042::new(NoInterrupt, NoInterrupt, NoControl))
    }

    /// Sends the keyboard these bytes, and reads what it says.
    fn keyboard(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0.write(0, *byte);
            self.read_all();
        }
    }

    fn mouse(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0.write(4, 0xd4);
            self.0.write(0, *byte);
            self.read_all();
        }
    }

    fn configure(&mut self, config: u8) {
        self.0.write(4, 0x60);
        self.0.write(0, config);
    }

    fn read_all(&mut self) {
        while self.0.read(4) & 1 != 0 {
            self.0.read(0);
        }
    }

    /// The state without what no register shows and nobody misses: the bytes that were last on the wires.
    fn state(&self) -> I8042State {
        without_memory(&self.0.state())
    }
}

fn without_memory(state: &I8042State) -> I8042State {
    I8042State {
        last_read: 0,
        keyboard: KeyboardState {
            last_sent: 0,
            ..state.keyboard
        },
        mouse: MouseState {
            last_packet: MouseState::RESET.last_packet,
            ..state.mouse
        },
        ..*state
    }
}

impl RegisterIo<u8> for Hardware {
    fn read(&mut self, offset: u16) -> u8 {
        self.0.read(offset)
    }

    fn write(&mut self, offset: u16, value: u8) {
        self.0.write(offset, value);
    }
}

/// Hardware in many set-ups: what was sent to the keyboard, to the mouse, and to the controller.
fn set_ups() -> Vec<Hardware> {
    let keyboards: &[&[u8]] = &[&[], &[0xf0, 1, 0xed, 7, 0xf3, 0x20], &[0xf0, 3, 0xf8], &[0xf5]];
    let mice: &[&[u8]] = &[
        &[],
        &[0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf4],
        &[0xf3, 200, 0xf3, 200, 0xf3, 80, 0xe8, 3, 0xe7],
        &[0xf0, 0xf3, 40],
        &[0xf4, 0xee],
    ];
    let mut all = Vec::new();
    for keyboard in keyboards {
        for mouse in mice {
            for config in [0x03, 0x47, 0x74, 0x00] {
                let mut hardware = Hardware::new();
                hardware.mouse(mouse);
                hardware.keyboard(keyboard);
                hardware.configure(config);
                all.push(hardware);
            }
        }
    }
    all
}

#[test]
fn a_capture_is_the_state_and_leaves_it() {
    for mut hardware in set_ups() {
        let before = hardware.state();
        let captured = I8042State::capture(&mut hardware, &before).unwrap();
        assert_eq!(captured, before);
        assert_eq!(captured.validate(), Ok(()));
        assert_eq!(hardware.state(), before);
    }
}

#[test]
fn what_nobody_has_read_is_taken() {
    let mut hardware = Hardware::new();
    hardware.mouse(&[0xf4]);
    for key in [Key::A, Key::Pause] {
        hardware.0.key(key, true);
    }
    hardware.0.mouse(&MouseInput {
        dx: 3,
        ..MouseInput::NONE
    });
    let before = hardware.state();
    let captured = I8042State::capture(&mut hardware, &before).unwrap();
    assert_eq!(captured.keyboard.codes, before.keyboard.codes);
    assert_eq!(captured.mouse.queue, before.mouse.queue);
    assert_eq!(
        (captured.output_buffer, captured.output_port),
        (before.output_buffer, before.output_port)
    );
    assert_eq!(captured.validate(), Ok(()));
    let unread = captured.keyboard.codes.len + captured.mouse.queue.len;
    let left = captured.apply(&mut Hardware::new()).unwrap();
    assert_eq!(
        left,
        Unapplied {
            unread,
            ..Unapplied::NONE
        }
    );
}

#[test]
fn applied_is_as_captured() {
    let captured: Vec<_> = set_ups().iter_mut().map(|hardware| hardware.state()).collect();
    for state in &captured {
        for mut other in set_ups() {
            assert_eq!(state.apply(&mut other), Ok(Unapplied::NONE));
            assert_eq!(other.state(), *state);
        }
    }
}

#[test]
fn what_cannot_be_given_is_said() {
    let mut hardware = Hardware::new();
    hardware.0.write(4, 0x71);
    hardware.0.write(0, 9);
    hardware.keyboard(&[0xf0, 3, 0xfc, 0x1c, 0xed]);
    let state = hardware.state();
    let left = state.apply(&mut Hardware::new()).unwrap();
    let expected = Unapplied {
        ram: true,
        key_types: true,
        half_sent: true,
        ..Unapplied::NONE
    };
    assert_eq!(left, expected);
}

#[test]
fn a_half_sent_command_to_the_controller_is_half_sent_again() {
    for command in [0x60, 0xd1, 0xd2, 0xd3, 0xd4] {
        let mut hardware = Hardware::new();
        hardware.0.write(4, command);
        let state = hardware.state();
        let mut other = Hardware::new();
        assert_eq!(state.apply(&mut other), Ok(Unapplied::NONE));
        assert_eq!(other.state(), state);
    }
}

#[test]
fn whoever_is_not_there_is_named() {
    struct Nothing(u8);
    impl RegisterIo<u8> for Nothing {
        fn read(&mut self, _offset: u16) -> u8 {
            self.0
        }
        fn write(&mut self, _offset: u16, _value: u8) {}
    }

    let controller = |to| NoAnswer {
        from: Part::Controller,
        to,
    };
    let capture = |value| I8042State::capture(&mut Nothing(value), &I8042State::RESET);
    assert_eq!(capture(0xff), Err(controller(0x20)));
    assert_eq!(capture(0x00), Err(controller(0x20)));
    for value in 0..=u8::MAX {
        assert!(capture(value).is_err(), "with every register at {value:#x}");
        assert!(I8042State::RESET.apply(&mut Nothing(value)).is_err());
    }
}

#[test]
fn an_invalid_state_does_not_reach_the_hardware() {
    struct Untouched;
    impl RegisterIo<u8> for Untouched {
        fn read(&mut self, _offset: u16) -> u8 {
            unreachable!()
        }
        fn write(&mut self, _offset: u16, _value: u8) {
            unreachable!()
        }
    }

    let mut state = I8042State::RESET;
    state.mouse.resolution = 4;
    let Err(ApplyError::InvalidState(invalid)) = state.apply(&mut Untouched) else {
        panic!("taken");
    };
    assert_eq!(invalid.field, "mouse.resolution");
}
