//! Capturing controller, keyboard and mouse as firmware does, and programming others with what was captured. The hardware
//! is the device.

use devstate_core::{NoInterrupt, RegisterIo};
use devstate_i8042::{
    ApplyError, Device, I8042, I8042State, Key, KeyboardOption, KeyboardState, MouseArgument, MouseInput, MouseState,
    NoControl, NoResponse, PendingCommand, ScanCodeSet, Unapplied,
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
            last_sent: MouseState::RESET.last_sent,
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
    let keyboards: &[&[u8]] = &[
        &[],
        &[0xf0, 1, 0xed, 7, 0xf3, 0x20],
        &[0xf0, 3, 0xf8],
        &[0xf5],
        &[0xed, 2, 0xed],
        &[0xf3, 0x40, 0xf3],
        &[0xf0, 3, 0xf0],
    ];
    let mice: &[&[u8]] = &[
        &[],
        &[0xf3, 40, 0xf3],
        &[0xe8, 1, 0xf4, 0xe8],
        &[0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf4],
        &[0xf3, 200, 0xf3, 200, 0xf3, 80, 0xe8, 3, 0xe7],
        &[0xf0, 0xf3, 40],
        &[0xf3, 200, 0xf3, 200, 0xf3, 80, 0xf3, 200, 0xf3, 80, 0xf3, 40, 0xf4],
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

/// The state without commands whose second byte was not sent.
fn without_half_sent(state: &I8042State) -> I8042State {
    I8042State {
        keyboard: KeyboardState {
            option: KeyboardOption::None,
            ..state.keyboard
        },
        mouse: MouseState {
            argument: MouseArgument::None,
            ..state.mouse
        },
        ..*state
    }
}

#[test]
fn a_capture_is_the_state_and_leaves_it() {
    for mut hardware in set_ups() {
        let before = hardware.state();
        let captured = I8042State::capture(&mut hardware, &before).unwrap();
        assert_eq!(captured, without_half_sent(&before));
        assert_eq!(captured.validate(), Ok(()));
        assert_eq!(hardware.state(), captured);
    }
}

/// Keyboard and mouse that take any byte for the option that they wait for, as QEMU's do.
struct AnyOption {
    hardware: Hardware,
    /// The resolution, if it is none of the four.
    resolution: Option<u8>,
    /// The sample rate, if it is a command byte.
    rate: Option<u8>,
    /// How many bytes of a status have been read.
    status_read: Option<u8>,
}

impl AnyOption {
    const fn new(hardware: Hardware) -> Self {
        Self {
            hardware,
            resolution: None,
            rate: None,
            status_read: None,
        }
    }

    fn as_keyboard_takes(&self, byte: u8) -> u8 {
        match self.hardware.0.state().keyboard.option {
            KeyboardOption::None => byte,
            KeyboardOption::Leds => byte & 0x07,
            KeyboardOption::Typematic => byte & 0x7f,
            KeyboardOption::ScanCodeSet if byte < 4 => byte,
            // One that is refused, and one that is acknowledged.
            KeyboardOption::ScanCodeSet => 0x7f,
            KeyboardOption::Keys(_) => 0,
        }
    }

    fn as_mouse_takes(&mut self, byte: u8) -> u8 {
        match self.hardware.0.state().mouse.argument {
            MouseArgument::Resolution => {
                self.resolution = (byte > 3).then_some(byte);
                byte.min(3)
            }
            MouseArgument::SampleRate => {
                self.rate = (byte >= 0xe6).then_some(byte);
                byte.min(0xe5)
            }
            MouseArgument::None => {
                self.status_read = (byte == 0xe9).then_some(0);
                byte
            }
        }
    }
}

impl RegisterIo<u8> for AnyOption {
    fn read(&mut self, offset: u16) -> u8 {
        let of_mouse = offset == 0 && self.hardware.read(4) & 0x21 == 0x21;
        let byte = self.hardware.read(offset);
        let Some(read) = self.status_read.as_mut().filter(|_| of_mouse) else {
            return byte;
        };
        *read += 1;
        match *read {
            3 => self.resolution.unwrap_or(byte),
            4 => self.rate.unwrap_or(byte),
            _ => byte,
        }
    }

    fn write(&mut self, offset: u16, value: u8) {
        let byte = match self.hardware.0.state().pending_command {
            PendingCommand::None if offset == 0 => self.as_keyboard_takes(value),
            PendingCommand::WriteMouse if offset == 0 => self.as_mouse_takes(value),
            _ => value,
        };
        self.hardware.write(offset, byte);
    }
}

#[test]
fn devices_that_consume_a_probe_as_an_option_are_probed_again_and_restored() {
    for hardware in set_ups() {
        let before = hardware.state();
        let mut hardware = AnyOption::new(hardware);
        let captured = I8042State::capture(&mut hardware, &before).unwrap();
        assert_eq!(captured, without_half_sent(&before));
        assert_eq!(hardware.hardware.state(), captured);
        assert_eq!((hardware.resolution, hardware.rate), (None, None));
    }
}

#[test]
fn a_probe_that_a_mouse_consumed_is_not_captured_as_its_rate() {
    let mut hardware = Hardware::new();
    hardware.mouse(&[0xf3, 40, 0xf3]);
    let mut hardware = AnyOption::new(hardware);
    let captured = I8042State::capture(&mut hardware, &I8042State::RESET).unwrap();
    assert_eq!(captured.mouse.sample_rate, 100, "the rate of `known`");
    assert_eq!(
        (hardware.rate, hardware.hardware.state().mouse.sample_rate),
        (None, 100)
    );
    hardware.rate = Some(0xe9);
    let captured = I8042State::capture(&mut hardware, &I8042State::RESET).unwrap();
    assert_eq!(captured.mouse.sample_rate, 0xe9, "set by the guest");
}

/// A keyboard without selectable scan-code sets: F0 is rejected, or its option, or the number never comes.
struct OneSet {
    hardware: Hardware,
    /// The reply to F0, to its option 00, and to another option.
    replies: [u8; 3],
    option: bool,
    reply: Option<u8>,
}

impl RegisterIo<u8> for OneSet {
    fn read(&mut self, offset: u16) -> u8 {
        match self.reply {
            Some(_) if offset == 4 => self.hardware.read(4) & !0x20 | 0x01,
            Some(reply) => {
                self.reply = None;
                reply
            }
            None => self.hardware.read(offset),
        }
    }

    fn write(&mut self, offset: u16, value: u8) {
        let to_keyboard = offset == 0 && self.hardware.0.state().pending_command == PendingCommand::None;
        let [to_command, to_query, to_select] = self.replies;
        if to_keyboard && self.option {
            self.option = false;
            self.reply = Some(if value == 0 { to_query } else { to_select });
        } else if to_keyboard && value == 0xf0 {
            self.option = to_command == 0xfa;
            self.reply = Some(to_command);
        } else {
            self.hardware.write(offset, value);
        }
    }
}

#[test]
fn the_scan_code_set_of_a_keyboard_that_does_not_report_it_is_the_known_one() {
    for replies in [[0xfe; 3], [0xfa, 0xfe, 0xfe], [0xfa, 0xfa, 0xfa]] {
        let hardware = Hardware::new();
        let mut hardware = OneSet {
            hardware,
            replies,
            option: false,
            reply: None,
        };
        let mut known = I8042State::RESET;
        known.keyboard.scan_code_set = ScanCodeSet::Three;
        let captured = I8042State::capture(&mut hardware, &known).unwrap();
        assert_eq!(captured.keyboard.scan_code_set, ScanCodeSet::Three, "{replies:02x?}");
        assert_eq!(
            captured.mouse,
            MouseState {
                last_sent: captured.mouse.last_sent,
                ..MouseState::RESET
            }
        );

        let selected = replies[2] == 0xfa;
        assert_eq!(
            captured.apply(&mut hardware),
            Ok(Unapplied::NONE.with("keyboard.scan_code_set", (!selected).into()))
        );
        assert_eq!(
            I8042State::RESET.apply(&mut hardware),
            Ok(Unapplied::NONE),
            "set 2 needs no selection"
        );
    }
}

/// A key goes down before this access.
struct Typing {
    hardware: Hardware,
    accesses_before: u32,
}

impl Typing {
    fn count(&mut self) {
        if self.accesses_before == 0 {
            self.hardware.0.key(Key::A, true);
        }
        self.accesses_before = self.accesses_before.wrapping_sub(1);
    }
}

impl RegisterIo<u8> for Typing {
    fn read(&mut self, offset: u16) -> u8 {
        self.count();
        self.hardware.read(offset)
    }

    fn write(&mut self, offset: u16, value: u8) {
        self.count();
        self.hardware.write(offset, value);
    }
}

#[test]
fn a_key_that_is_typed_meanwhile_is_no_reply() {
    for config in [0x03, 0x47, 0x65, 0x61] {
        for accesses_before in 0..200 {
            let mut hardware = Hardware::new();
            hardware.configure(config);
            let before = hardware.state();
            let mut typing = Typing {
                hardware,
                accesses_before,
            };
            let captured = I8042State::capture(&mut typing, &before).unwrap();
            let place = format!("{config:#x}, before access {accesses_before}");
            assert_eq!(captured.config, config, "{place}");
            let mut hardware = typing.hardware;
            assert_eq!(hardware.state().config, config, "{place}");
            let left = hardware.state().keyboard.codes;
            let codes = [captured.keyboard.codes.as_slice(), left.as_slice()].concat();
            let code = if config & 0x40 == 0 { 0x1c } else { 0x1e };
            let typed = typing.accesses_before > 200;
            assert_eq!(codes, if typed { vec![code] } else { vec![] }, "{place}");
            assert_eq!(captured.mouse, before.mouse, "{place}");
            hardware.read_all();
        }
    }
}

#[test]
fn packets_behind_a_closed_port_are_no_replies() {
    let mut hardware = Hardware::new();
    hardware.mouse(&[0xf4]);
    hardware.configure(0x23);
    // Its bytes are those of acknowledgement and refusal.
    let input = MouseInput {
        dx: -6,
        dy: -2,
        ..MouseInput::NONE
    };
    hardware.0.mouse(&input);
    let before = hardware.state();
    let captured = I8042State::capture(&mut hardware, &before).unwrap();
    assert_eq!(captured.mouse.replies.as_slice(), before.mouse.packets.as_slice());
    let mouse = MouseState {
        replies: before.mouse.replies,
        packets: before.mouse.packets,
        ..captured.mouse
    };
    assert_eq!(mouse, before.mouse);
    hardware.0.mouse(&input);
    assert_eq!(before.apply(&mut hardware).unwrap().get("mouse.packets"), 3);
    assert_eq!(hardware.state().mouse.packets.len, 0);
}

#[test]
fn a_polled_input_port_is_not_mistaken_for_the_source_of_a_byte() {
    for poll in [0xc1, 0xc2] {
        let mut hardware = Hardware::new();
        hardware.0.key(Key::A, true);
        hardware.0.write(4, poll);
        let captured = I8042State::capture(&mut hardware, &I8042State::RESET).unwrap();
        assert_eq!(captured.keyboard.codes.as_slice(), [0x1c]);
        assert_eq!(captured.mouse.replies.as_slice(), []);
        hardware.0.key(Key::A, true);
        hardware.0.write(4, poll);
        assert_eq!(captured.apply(&mut hardware).unwrap().get("keyboard.codes"), 1);
        assert_eq!(hardware.state().mouse, captured.mouse);
    }
}

/// Nothing is plugged into one port: bytes for it are lost.
struct Without {
    hardware: Hardware,
    missing: Device,
}

impl RegisterIo<u8> for Without {
    fn read(&mut self, offset: u16) -> u8 {
        self.hardware.read(offset)
    }

    fn write(&mut self, offset: u16, value: u8) {
        let receiver = match self.hardware.0.state().pending_command {
            PendingCommand::None => Device::Keyboard,
            PendingCommand::WriteMouse => Device::Mouse,
            _ => Device::Controller,
        };
        self.hardware.write(offset, value);
        if offset == 0 && receiver == self.missing {
            self.hardware.read_all();
        }
    }
}

#[test]
fn a_missing_device_is_named_and_the_machine_is_left_as_it_was() {
    for (missing, sent) in [(Device::Keyboard, 0xee), (Device::Mouse, 0xe9)] {
        for config in [0x03, 0x47, 0x74, 0x65] {
            let mut hardware = Hardware::new();
            hardware.configure(config);
            let before = hardware.state();
            let mut hardware = Without { hardware, missing };
            let error = NoResponse { device: missing, sent };
            assert_eq!(I8042State::capture(&mut hardware, &before), Err(error));
            assert_eq!(hardware.hardware.state(), before);
        }
    }
}

#[test]
fn without_a_mouse_the_rest_is_captured_and_applied() {
    let known = I8042State::RESET;
    let mut hardware = Hardware::new();
    hardware.keyboard(&[0xf0, 3]);
    hardware.configure(0x65);
    let before = hardware.state();
    let mut hardware = Without {
        hardware,
        missing: Device::Mouse,
    };
    let captured = I8042State::capture_without_mouse(&mut hardware, &known).unwrap();
    assert_eq!(without_memory(&captured), before);
    assert_eq!(hardware.hardware.state(), before);
    let mut other = Without {
        hardware: Hardware::new(),
        missing: Device::Mouse,
    };
    let Err(ApplyError::NoResponse(NoResponse {
        device: Device::Mouse, ..
    })) = captured.apply(&mut other)
    else {
        panic!("there is none");
    };
    assert_eq!(other.hardware.state(), before);
}

#[test]
fn unread_bytes_are_captured() {
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
    assert_eq!(captured.mouse.replies.as_slice(), before.mouse.packets.as_slice());
    assert_eq!(
        (captured.output_buffer, captured.output_port),
        (before.output_buffer, before.output_port)
    );
    assert_eq!(captured.validate(), Ok(()));
    let left = captured.apply(&mut Hardware::new()).unwrap();
    let expected = Unapplied::NONE
        .with("keyboard.codes", captured.keyboard.codes.len)
        .with("mouse.replies", captured.mouse.replies.len);
    assert_eq!(left, expected);
}

#[test]
fn applied_is_as_captured() {
    let captured: Vec<_> = set_ups().iter_mut().map(|hardware| hardware.state()).collect();
    for state in &captured {
        let left = Unapplied::NONE
            .with(
                "keyboard.option",
                (state.keyboard.option != KeyboardOption::None).into(),
            )
            .with("mouse.argument", (state.mouse.argument != MouseArgument::None).into());
        for mut other in set_ups() {
            assert_eq!(state.apply(&mut other), Ok(left));
            assert_eq!(other.state(), without_half_sent(state));
        }
    }
}

#[test]
fn applied_to_devices_that_take_any_byte_for_an_option_is_as_captured() {
    let captured: Vec<_> = set_ups().iter_mut().map(|hardware| hardware.state()).collect();
    for state in captured.iter().step_by(9) {
        for other in set_ups() {
            let mut other = AnyOption::new(other);
            assert!(state.apply(&mut other).is_ok());
            assert_eq!(other.hardware.state(), without_half_sent(state));
            assert_eq!((other.resolution, other.rate), (None, None));
        }
    }
}

#[test]
fn fields_that_the_hardware_does_not_take_are_listed() {
    let mut hardware = Hardware::new();
    hardware.0.write(4, 0x71);
    hardware.0.write(0, 9);
    hardware.keyboard(&[0xf0, 3, 0xfc, 0x1c, 0xed]);
    let state = hardware.state();
    let left = state.apply(&mut Hardware::new()).unwrap();
    let expected = Unapplied::NONE
        .with("ram", 1)
        .with("keyboard.option", 1)
        .with("keyboard.without_repeat", 1);
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
fn a_device_that_does_not_respond_is_named() {
    struct Nothing(u8);
    impl RegisterIo<u8> for Nothing {
        fn read(&mut self, _offset: u16) -> u8 {
            self.0
        }
        fn write(&mut self, _offset: u16, _value: u8) {}
    }

    let controller = |sent| NoResponse {
        device: Device::Controller,
        sent,
    };
    let capture = |value| I8042State::capture(&mut Nothing(value), &I8042State::RESET);
    assert_eq!(capture(0xff), Err(controller(0xff)));
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
