//! Save and restore: the lines, all or nothing, and every half-done thing.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use devstate_core::{NoInterrupt, RisingEdge, Trigger};
use devstate_i8042::{Config, I8042, I8042State, Key, MouseInput, NoControl, NoEvents, SystemControl};

use crate::support::{Guest, bench, restored};

#[test]
fn a_restored_device_drives_its_lines_and_gate_a20() {
    let (mut device, _) = bench();
    device.key(Key::A, true);
    device.command(0xdd);
    let (new, lines) = restored(&device.state());
    assert_eq!((lines.irq_1.take(), lines.irq_12.take()), (vec![true], vec![false]));
    assert_eq!(new.control().a20, [false]);
    assert_eq!(new.interrupt_levels(), (true, false));

    let (mut other, lines) = bench();
    other.mouse_command(&[0xf2]);
    lines.irq_12.take();
    other.restore(&device.state()).unwrap();
    assert_eq!((lines.irq_1.take(), lines.irq_12.take()), (vec![true], vec![false]));
    assert_eq!(other.state(), device.state());
}

#[test]
fn a_refused_state_leaves_the_device_as_it_was() {
    let (mut device, lines) = bench();
    device.key(Key::A, true);
    lines.irq_1.take();
    let before = device.state();
    let mut state = before;
    state.keyboard.leds = 8;
    let error = device.restore(&state).unwrap_err();
    assert_eq!((error.field, error.value), ("keyboard.leds", 8));
    assert_eq!(device.state(), before);
    assert_eq!((lines.irq_1.take(), device.control().a20.len()), (vec![], 0));
    assert!(I8042::from_state(&state, NoInterrupt, NoInterrupt, NoControl, NoEvents, Config::DEFAULT).is_err());
}

#[test]
fn half_done_things_go_on_after_a_restore() {
    type Half = (&'static [(u16, u8)], &'static [(u16, u8)], &'static [u8]);
    let halves: [Half; 10] = [
        (&[(4, 0x60)], &[(0, 0x42), (4, 0x20)], &[0x42]),
        (&[(4, 0x7f)], &[(0, 0x5a), (4, 0x3f)], &[0x5a]),
        (&[(4, 0xd3)], &[(0, 0x5a)], &[0x5a]),
        (&[(4, 0xd4)], &[(0, 0xf2)], &[0xfa, 0x00]),
        (&[(4, 0xa5), (0, 0x1e)], &[(0, 0x00), (4, 0xa4)], &[0xfa]),
        (&[(0, 0xed)], &[(0, 0x02)], &[0xfa]),
        (&[(0, 0xf0)], &[(0, 0x00)], &[0xfa, 0x02]),
        (&[(0, 0xfc)], &[(0, 0x1c)], &[0xfa]),
        (&[(0, 0xf2)], &[], &[0xfa, 0xab, 0x83]),
        (
            &[
                (4, 0xd4),
                (0, 0xf3),
                (4, 0xd4),
                (0, 200),
                (4, 0xd4),
                (0, 0xf3),
                (4, 0xd4),
                (0, 200),
                (4, 0xd4),
                (0, 0xf3),
            ],
            &[(4, 0xd4), (0, 80), (4, 0xd4), (0, 0xf2)],
            &[0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0x04],
        ),
    ];
    for (first, second, replies) in halves {
        let (mut device, _) = bench();
        for (offset, value) in first {
            device.write(*offset, *value);
        }
        let (mut device, _) = restored(&device.state());
        for (offset, value) in second {
            device.write(*offset, *value);
        }
        assert_eq!(device.receive(), replies, "{first:02x?}");
    }
}

#[test]
fn held_keys_and_unreported_movement_are_part_of_the_state() {
    let (mut device, _) = bench();
    device.key(Key::Alt, true);
    device.receive();
    device.mouse_command(&[0xf0]);
    device.mouse(&MouseInput {
        dx: 5,
        ..MouseInput::NONE
    });
    let (mut device, _) = restored(&device.state());
    device.key(Key::Print, true);
    assert_eq!(device.receive(), [0xf0, 0x11, 0x11, 0x84]);
    assert_eq!(device.mouse_command(&[0xeb]), [0xfa, 0x08, 5, 0]);
}

#[test]
fn a_device_can_be_a_static_and_moves_between_threads() {
    static STATE: I8042State = I8042State::RESET;
    const DEVICE: I8042<NoInterrupt, NoInterrupt, NoControl> = I8042::new(NoInterrupt, NoInterrupt, NoControl);
    fn is_send<T: Send>(_: &T) {}
    is_send(&DEVICE);
    assert_eq!(DEVICE.state(), STATE);
    assert_eq!(I8042State::default(), STATE);
}

#[test]
fn lines_can_be_watched_from_another_thread_and_keep_their_errors() {
    struct Broken;
    impl Trigger for Broken {
        type E = &'static str;
        fn trigger(&self) -> Result<(), Self::E> {
            Err("nobody listens")
        }
    }
    let irq_1 = AtomicBool::new(false);
    let mut device = I8042::new(&irq_1, RisingEdge::new(Broken), NoControl);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (offset, value) in [(4, 0x60), (0, 0x43), (4, 0xd4), (0, 0xf4)] {
                device.write(offset, value);
            }
            assert_eq!(device.mouse_irq_mut().take_error(), Some("nobody listens"));
            assert_eq!(device.read(0), 0xfa);
            device.key(Key::A, true);
        });
    });
    assert!(irq_1.load(Ordering::Acquire));
    assert!(device.keyboard_irq().load(Ordering::Acquire));
}

#[test]
fn lines_and_control_can_be_borrowed() {
    struct Machine(u32);
    impl SystemControl for Machine {
        fn set_a20(&mut self, _enabled: bool) {}
        fn reset(&mut self) {
            self.0 += 1;
        }
    }
    let (irq_1, irq_12) = (Cell::new(false), Cell::new(false));
    let mut machine = Machine(0);
    let mut device = I8042::new(&irq_1, &irq_12, &mut machine);
    device.write(4, 0xfe);
    device.control_mut().reset();
    device.write(4, 0xaa);
    assert!(irq_1.get() && !irq_12.get());
    assert_eq!(machine.0, 2);
}
