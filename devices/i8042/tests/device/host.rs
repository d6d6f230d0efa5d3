//! The host's side: what it can rely on when a buffer is full, after a restore, and with bytes that take time.

use core::time::Duration;
use std::cell::Cell;
use std::rc::Rc;

use devstate_core::{Instant, NoInterrupt};
use devstate_i8042::{
    Config, I8042, I8042Events, I8042State, Key, KeySet, MouseButtons, MouseInput, NoControl, OutputBuffer,
    SystemControl,
};

use crate::support::{Bench, Guest, SIXTEEN, bench, restored};

/// A name, and what empties a device.
type Way = (&'static str, fn(&mut Bench));

fn fill_keyboard(device: &mut Bench) {
    for key in SIXTEEN {
        assert!(device.key(key, true));
    }
    assert!(!device.key(Key::Q, true));
}

#[test]
fn the_keyboard_has_room_again_whatever_emptied_it() {
    let ways: [Way; 6] = [
        ("read", |device| drop(device.receive())),
        ("defaults", |device| drop(device.keyboard(&[0xf6]))),
        ("disable", |device| drop(device.keyboard(&[0xf5]))),
        ("keyboard reset", |device| drop(device.keyboard(&[0xff]))),
        ("machine reset", Bench::reset),
        ("restore", |device| device.restore(&I8042State::RESET).unwrap()),
    ];
    for (way, empty) in ways {
        let (mut device, _) = bench();
        fill_keyboard(&mut device);
        assert_eq!(device.events().of("keyboard_emptied"), 0, "{way}");
        empty(&mut device);
        assert_eq!(device.events().of("keyboard_emptied"), 1, "{way}");
        assert!(device.key(Key::Q, true), "{way}");
    }
    let (mut device, _) = bench();
    for byte in [0xa5, 0x1e] {
        device.write(if byte == 0xa5 { 4 } else { 0 }, byte);
    }
    device.send(0);
    device.command(0xad);
    fill_keyboard(&mut device);
    device.command(0xa6);
    device.command(0xae);
    assert_eq!(device.events().of("keyboard_emptied"), 1, "the password was compared");
}

#[test]
fn the_mouse_has_room_again_whatever_emptied_it() {
    let ways: [Way; 6] = [
        ("read", |device| drop(device.receive())),
        ("defaults", |device| drop(device.mouse_command(&[0xf6]))),
        ("disable", |device| drop(device.mouse_command(&[0xf5]))),
        ("mouse reset", |device| drop(device.mouse_command(&[0xff]))),
        ("machine reset", Bench::reset),
        ("restore", |device| device.restore(&I8042State::RESET).unwrap()),
    ];
    for (way, empty) in ways {
        let (mut device, _) = bench();
        device.mouse_command(&[0xf4]);
        while device.mouse_packet(&MouseInput::NONE) {}
        let before = device.events().of("mouse_emptied");
        empty(&mut device);
        assert_eq!(device.events().of("mouse_emptied"), before + 1, "{way}");
        assert!(device.mouse_packet(&MouseInput::NONE), "{way}");
    }
}

/// Stops typing when the keyboard is full, and goes on only when an event says that there is room.
#[derive(Default)]
struct Room(Cell<bool>, Cell<bool>);

impl I8042Events for Room {
    fn keyboard_emptied(&self) {
        self.0.set(true);
    }

    fn mouse_emptied(&self) {
        self.1.set(true);
    }
}

#[test]
fn a_host_that_waits_for_room_loses_no_key() {
    let room = Rc::new(Room::default());
    let mut device = I8042::with_events(NoInterrupt, NoInterrupt, NoControl, Rc::clone(&room));
    let typed: Vec<(Key, bool)> = SIXTEEN
        .iter()
        .cycle()
        .take(200)
        .flat_map(|key| [(*key, true), (*key, false)])
        .collect();
    let mut waiting = typed.iter();
    let mut next = waiting.next();
    let (mut down, mut up) = (0, 0);
    room.0.set(true);
    while next.is_some() {
        assert!(room.0.replace(false), "the host is never left without an event");
        while let Some((key, pressed)) = next {
            if !device.key(*key, *pressed) {
                break;
            }
            next = waiting.next();
        }
        while device.read(4) & 1 != 0 {
            match device.read(0) {
                0xf0 => up += 1,
                0x00 => {}
                _ => down += 1,
            }
        }
    }
    assert_eq!((down - up, up), (200, 200));
}

#[test]
fn a_host_that_waits_for_room_loses_no_movement() {
    let room = Rc::new(Room::default());
    let mut device = I8042::with_events(NoInterrupt, NoInterrupt, NoControl, Rc::clone(&room));
    device.write(4, 0xd4);
    device.write(0, 0xf4);
    device.read(0);
    let (mut moved, mut clicks) = (0, 0);
    let mut all = device.mouse(&MouseInput {
        dx: 3000,
        ..MouseInput::NONE
    });
    for buttons in [MouseButtons::LEFT, MouseButtons::NONE] {
        all = device.mouse(&MouseInput {
            buttons,
            ..MouseInput::NONE
        });
    }
    room.1.set(false);
    while !all {
        let mut bytes = Vec::new();
        while device.read(4) & 1 != 0 {
            bytes.push(device.read(0));
        }
        assert!(room.1.replace(false), "the host is never left without an event");
        all = device.report_mouse();
        while device.read(4) & 1 != 0 {
            bytes.push(device.read(0));
        }
        for packet in bytes.chunks(3) {
            moved += i32::from(packet[1]);
            clicks += u32::from(packet[0] & 1);
        }
        all &= device.report_mouse();
    }
    assert_eq!((moved, clicks), (3000, 1));
}

#[test]
fn more_than_one_click_at_once_is_an_event() {
    let (mut device, _) = bench();
    device.mouse_command(&[0xf4]);
    for buttons in [1, 0, 1, 0].map(MouseButtons) {
        device.count_mouse(&MouseInput {
            buttons,
            ..MouseInput::NONE
        });
    }
    assert_eq!(
        (device.events().of("mouse_click_lost"), device.events().last.get()),
        (1, 1)
    );
    device.report_mouse();
    assert_eq!(device.receive(), [0x09, 0, 0, 0x08, 0, 0]);
}

#[test]
fn keys_that_were_down_at_the_save_can_be_released() {
    let (mut device, _) = bench();
    for key in [Key::Ctrl, Key::A, Key::Up] {
        device.key(key, true);
    }
    device.receive();
    let (mut device, _) = restored(&device.state());
    assert!(device.release_all());
    assert_eq!(device.receive(), [0xf0, 0x14, 0xf0, 0x1c, 0xe0, 0xf0, 0x75]);
    assert_eq!(device.state().keyboard.held, KeySet::EMPTY);
    assert!(device.release_all());
    assert_eq!(device.receive(), []);
}

#[test]
fn releases_that_find_no_room_are_released_later() {
    let (mut device, _) = bench();
    for key in SIXTEEN {
        device.key(key, true);
        device.receive();
    }
    assert!(!device.release_all());
    assert_eq!(device.receive().len(), 16, "no overrun code");
    assert!(device.release_all());
    assert_eq!(device.receive().len(), 16);
    assert_eq!(device.state().keyboard.held, KeySet::EMPTY);
    assert_eq!(device.events().of("key_lost"), 0);
}

const ONE_MILLISECOND: Config = Config {
    byte_time: Duration::from_millis(1),
};

fn paced() -> Bench {
    let mut device = bench().0;
    device.set_config(ONE_MILLISECOND);
    device.advance(Instant::from_millis(10));
    device
}

#[test]
fn a_guest_that_reads_twice_within_the_byte_time_gets_the_same_byte() {
    let mut device = paced();
    device.key(Key::Up, true);
    assert_eq!(device.next_deadline(), None, "the first byte is there at once");
    assert_eq!([device.read(0), device.read(0)], [0xe0; 2]);
    assert_eq!(device.status() & 1, 0);
    assert_eq!(device.next_deadline(), Some(Instant::from_millis(11)));
    device.advance(Instant::from_nanos(10_999_999));
    assert_eq!(device.status() & 1, 0);
    device.advance(Instant::from_millis(11));
    assert_eq!((device.status() & 1, device.next_deadline()), (1, None));
    assert_eq!([device.read(0), device.read(0)], [0x75; 2]);
    assert_eq!(device.next_deadline(), None, "nothing waits");
}

#[test]
fn a_reply_takes_the_byte_time_and_a_reply_of_the_controller_does_not() {
    let mut device = paced();
    device.send(0xf2);
    assert_eq!(device.receive(), []);
    device.command(0xaa);
    assert_eq!(device.receive(), [0x55]);
    for (now, byte) in [(11, 0xfa), (12, 0xab), (13, 0x83)] {
        device.advance(Instant::from_millis(now));
        assert_eq!(device.receive(), [byte]);
    }
    device.command_with(0xd4, 0xf2);
    assert_eq!(device.receive(), []);
    device.advance(Instant::from_millis(14));
    assert_eq!(device.receive(), [0xfa]);
}

#[test]
fn held_back_bytes_raise_the_interrupt_when_they_are_due() {
    let (mut device, lines) = bench();
    device.set_config(ONE_MILLISECOND);
    device.key(Key::Up, true);
    device.read(0);
    assert_eq!(lines.irq_1.take(), [true, false]);
    device.advance(Instant::from_millis(1));
    assert_eq!(lines.irq_1.take(), [true]);
}

#[test]
fn keyboard_and_mouse_take_turns_also_when_held_back() {
    let mut device = paced();
    device.command_with(0xd4, 0xf4);
    device.advance(Instant::from_millis(11));
    device.read(0);
    device.key(Key::Up, true);
    device.mouse(&MouseInput {
        dx: 1,
        ..MouseInput::NONE
    });
    let mut bytes = Vec::new();
    for now in 12..17 {
        device.advance(Instant::from_millis(now));
        bytes.extend(device.receive());
    }
    assert_eq!(bytes, [0xe0, 0x08, 0x75, 1, 0]);
}

#[test]
fn a_state_has_no_bytes_that_are_held_back() {
    let mut device = paced();
    device.key(Key::Up, true);
    device.read(0);
    let state = device.state();
    assert_eq!(state.validate(), Ok(()));
    assert_eq!((state.output_buffer, state.output_port), (OutputBuffer::Keyboard, 0xdf));
    let (mut other, lines) = restored(&state);
    assert!(lines.irq_1.level());
    assert_eq!(other.read(0), 0x75);
    device.restore(&state).unwrap();
    assert_eq!(device.next_deadline(), None);
    assert_eq!(device.read(0), 0x75);
}

#[test]
fn a_clock_that_is_set_back_does_not_delay_bytes() {
    let mut device = paced();
    device.key(Key::Up, true);
    device.read(0);
    device.advance(Instant::EPOCH);
    assert_eq!(device.next_deadline(), Some(Instant::from_millis(11)));
    device.advance(Instant::MAX);
    assert_eq!(device.read(0), 0x75);
}

#[test]
fn a_machine_without_gate_a20_implements_the_reset_alone() {
    struct ResetOnly(bool);
    impl SystemControl for ResetOnly {
        fn reset(&mut self) {
            self.0 = true;
        }
    }
    let mut device = I8042::new(NoInterrupt, NoInterrupt, ResetOnly(false));
    device.write(4, 0xdd);
    device.write(4, 0xfe);
    assert!(device.control().0);
}
