//! Whatever guest and host do: a new device from the state goes on like the old one, and some things always hold.

use devstate_i8042::{Key, MouseButtons, MouseInput};
use proptest::prelude::*;

use crate::support::{Bench, Lines, bench, restored};

#[derive(Clone, Debug)]
enum Step {
    Read(u16),
    Write(u16, u8),
    Mouse(u8),
    Key(Key, bool),
    Sent(Key, bool, Vec<u8>),
    Move(MouseInput),
    Packet(MouseInput),
    Count(MouseInput),
    Report,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let command = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![
            0x20u8, 0x60, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xad, 0xae, 0xaa, 0xc1, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4
        ]),
    ];
    let data = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![
            0x00u8, 0x03, 0x1e, 0x43, 0x73, 0xed, 0xf0, 0xf2, 0xf4, 0xf5, 0xf9, 0xfb, 0xfc, 0xfe, 0xff
        ]),
    ];
    let mouse = prop_oneof![
        prop::sample::select(vec![
            0xe7u8, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xee, 0xf0, 0xf2, 0xf3, 0xf4, 0xf6, 0xfe, 0xff, 200, 100, 80
        ]),
        any::<u8>(),
    ];
    prop_oneof![
        8 => Just(Step::Read(0)),
        3 => Just(Step::Read(4)),
        4 => command.prop_map(|command| Step::Write(4, command)),
        6 => data.prop_map(|data| Step::Write(0, data)),
        8 => mouse.prop_map(Step::Mouse),
        6 => (0..Key::ALL.len(), any::<bool>()).prop_map(|(key, pressed)| Step::Key(Key::ALL[key], pressed)),
        1 => any::<bool>().prop_map(|pressed| Step::Key(Key::A, pressed)),
        1 => (0..Key::ALL.len(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(key, pressed, codes)| Step::Sent(Key::ALL[key], pressed, codes)),
        4 => input().prop_map(Step::Move),
        1 => input().prop_map(Step::Packet),
        1 => input().prop_map(Step::Count),
        1 => Just(Step::Report),
        1 => any::<u16>().prop_map(Step::Read),
        1 => (any::<u16>(), any::<u8>()).prop_map(|(offset, value)| Step::Write(offset, value)),
        1 => prop::bool::weighted(0.1).prop_map(|reset| if reset { Step::Reset } else { Step::Report }),
    ]
}

fn input() -> impl Strategy<Value = MouseInput> {
    (-600i16..600, any::<i16>(), -20i16..20, -40i16..40, any::<u8>()).prop_map(|(dx, dy, dz, dw, buttons)| MouseInput {
        dx,
        dy: dy >> (dx & 15),
        dz,
        dw,
        buttons: MouseButtons(buttons),
    })
}

/// What the step gave.
fn take(device: &mut Bench, step: &Step) -> (u8, bool) {
    match step {
        Step::Read(offset) => (device.read(*offset), false),
        Step::Write(offset, value) => {
            device.write(*offset, *value);
            (0, false)
        }
        Step::Mouse(byte) => {
            device.write(4, 0xd4);
            device.write(0, *byte);
            (0, false)
        }
        Step::Key(key, pressed) => (0, device.key(*key, *pressed)),
        Step::Sent(key, pressed, codes) => (0, device.key_as_sent(*key, *pressed, codes)),
        Step::Move(input) => (0, device.mouse(input)),
        Step::Packet(input) => (0, device.mouse_packet(input)),
        Step::Count(input) => {
            device.count_mouse(input);
            (0, false)
        }
        Step::Report => (0, device.report_mouse()),
        Step::Reset => {
            device.reset();
            (0, false)
        }
    }
}

fn what_always_holds(device: &mut Bench, lines: &Lines) {
    let state = device.state();
    assert_eq!(state.validate(), Ok(()), "{state:?}");
    let status = device.read(4);
    assert_eq!(device.state(), state, "reading the status changes nothing");
    assert_eq!(status & 0x02, 0);
    let full = status & 0x01 != 0;
    let levels = (lines.irq_1.level(), lines.irq_12.level());
    assert_eq!(device.interrupt_levels(), levels);
    assert!(full || levels == (false, false));
    assert!(levels != (true, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_restore_after_any_step_makes_no_difference(steps in prop::collection::vec(step(), 1..120)) {
        let (mut device, lines) = bench();
        let (mut other, mut other_lines) = bench();
        for step in &steps {
            prop_assert_eq!(take(&mut device, step), take(&mut other, step));
            prop_assert_eq!(device.state(), other.state());
            what_always_holds(&mut device, &lines);
            what_always_holds(&mut other, &other_lines);
            (other, other_lines) = restored(&device.state());
            what_always_holds(&mut other, &other_lines);
        }
    }

    #[test]
    fn everything_that_waits_can_be_read_in_bounded_time(steps in prop::collection::vec(step(), 1..120)) {
        let (mut device, _) = bench();
        for step in &steps {
            take(&mut device, step);
        }
        device.write(4, 0xff);
        let mut reads = 0;
        while device.read(4) & 1 != 0 && reads < 100 {
            device.read(0);
            reads += 1;
        }
        // A reply, 3 + 16 + 1 bytes of the keyboard, 24 of the mouse.
        prop_assert!(reads <= 45);
    }
}
