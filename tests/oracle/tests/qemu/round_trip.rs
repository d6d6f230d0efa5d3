//! States that scripts reach go to QEMU's sections and back.

use devstate_core::{Instant, NoInterrupt};
use devstate_i8042::{Config as I8042Config, I8042, I8042State, KeyboardState, MouseState, NoControl};
use devstate_i8042_ser::qemu::I8042Sections;
use devstate_oracle::script::{i8042, rtc, serial};
use devstate_qemu_section::{Loss, Section};
use devstate_rtc_pl031::{Rtc, RtcState};
use devstate_rtc_pl031_ser::qemu::Pl031Section;
use devstate_serial_16550::{AlwaysReady, Config, Serial, SerialState};
use devstate_serial_16550_ser::qemu::SerialSection;
use proptest::prelude::*;

/// The machine's virtual time on the way to QEMU.
pub(crate) const NOW: Instant = Instant::from_nanos(77_123_456_789);

/// Whether all that is lost is unseen.
#[derive(Default)]
struct Seen(Vec<String>);

impl Seen {
    fn tell(&mut self, loss: &Loss) -> bool {
        self.0.extend((!loss.ignorable).then(|| loss.to_string()));
        true
    }
}

fn through_bytes<S: Section + PartialEq + std::fmt::Debug>(section: &S) -> S {
    let mut buffer = vec![0xa5; S::MAX_LEN];
    let len = section.write(&mut buffer).unwrap();
    for short in 0..len {
        assert!(
            section.write(&mut buffer[..short].to_vec()).is_err(),
            "{short} bytes of room"
        );
    }
    let read = S::parse(&buffer[..len]).unwrap();
    assert_eq!(read, *section);
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_uart_without_a_seen_loss_comes_back_as_it_was(script in serial::scripts(60)) {
        let mut sent = [0; 4096];
        let mut uart = Serial::with_config(NoInterrupt, AlwaysReady(&mut sent[..]), devstate_serial_16550::NoEvents, Config::WITH_TIMER);
        let mut now = Instant::EPOCH;
        for op in script {
            match op {
                serial::Op::Read(register) => drop(uart.read(register, now)),
                serial::Op::Write(register, value) => uart.write(register, value, now),
                serial::Op::Receive(bytes) => drop(uart.receive(&bytes, now)),
                serial::Op::Break => uart.receive_break(now),
                serial::Op::Elapse(nanoseconds) => {
                    now = now.saturating_add_nanos(nanoseconds);
                    uart.advance(now);
                }
                serial::Op::Reset => uart.reset(now),
            }
            let state = uart.state(now);
            let mut seen = Seen::default();
            let section = SerialSection::from_state(&state, NOW, &mut |loss| seen.tell(loss)).unwrap();
            let section = through_bytes(&section);
            let mut back = Seen::default();
            let again = section.to_state(NOW, &mut |loss| back.tell(loss)).unwrap();
            prop_assert_eq!(&back.0, &Vec::<String>::new(), "what we write has its home here");
            let in_register = state.fcr == 0 && !state.rx.is_empty();
            let expected = SerialState {
                saved_at: NOW,
                // The character that is there will be the last one.
                rbr: if in_register { again.rbr } else { state.rbr },
                ..state
            };
            if seen.0.is_empty() {
                prop_assert_eq!(again, expected);
            } else {
                prop_assert_ne!(again, expected, "{:?} is said to be lost", seen.0);
            }
        }
    }

    #[test]
    fn a_clock_without_a_seen_loss_comes_back_as_it_was(script in rtc::scripts(60)) {
        let mut clock = Rtc::new(NoInterrupt);
        let mut now = Instant::EPOCH;
        for op in script {
            match op {
                rtc::Op::Read(register) => drop(clock.read(register, now)),
                rtc::Op::Write(register, value) => clock.write(register, value, now),
                rtc::Op::SetAlarm(seconds) => clock.write(4, clock.state(now).counter.wrapping_add(seconds), now),
                rtc::Op::ReadNarrow(..) | rtc::Op::WriteNarrow(..) => {}
                rtc::Op::Elapse(nanoseconds) => {
                    now = now.saturating_add_nanos(nanoseconds);
                    clock.advance(now);
                }
                rtc::Op::Reset => clock.soft_reset(now),
            }
            let state = clock.state(now);
            let mut seen = Seen::default();
            let section = Pl031Section::from_state(&state, NOW, &mut |loss| seen.tell(loss)).unwrap();
            let again = through_bytes(&section).to_state(NOW, &mut |_| false).unwrap();
            let expected = RtcState {
                sub_second_ns: (NOW.as_nanos() % 1_000_000_000) as u32,
                enabled: true,
                saved_at: NOW,
                ..state
            };
            prop_assert_eq!(again, expected);
            let is_lost = !state.enabled || state.counter == state.mr && !state.ris;
            prop_assert_eq!(is_lost, !seen.0.is_empty(), "{:?}", seen.0);
        }
    }

    #[test]
    fn a_keyboard_controller_without_a_seen_loss_comes_back_as_it_was(script in i8042::scripts(60)) {
        let mut controller = I8042::new(NoInterrupt, NoInterrupt, NoControl);
        for op in script {
            match op {
                i8042::Op::Read(port) => drop(controller.read(port)),
                i8042::Op::Write(port, byte) => controller.write(port, byte),
                i8042::Op::Key(key, pressed) => drop(controller.key(key, pressed)),
                i8042::Op::Mouse(input) => drop(controller.mouse(&input)),
                i8042::Op::Reset => controller.reset(),
            }
            let state = controller.state();
            let mut seen = Seen::default();
            let sections = I8042Sections::from_state(&state, true, &mut |loss| seen.tell(loss)).unwrap();
            let I8042Sections { controller, keyboard, mouse } = sections;
            let sections = I8042Sections {
                controller: through_bytes(&controller),
                keyboard: through_bytes(&keyboard),
                mouse: through_bytes(&mouse),
            };
            let again = sections.to_state(&mut |_| true).unwrap();
            if seen.0.is_empty() {
                prop_assert_eq!(again, as_qemu_keeps_it(&state, &again));
            } else if !seen.0.iter().any(|loss| loss.starts_with("keyboard.option") || loss.starts_with("mouse.packets")) {
                // The first is kept, and means something else to QEMU. The second is not looked at.
                prop_assert_ne!(again, as_qemu_keeps_it(&state, &again), "{:?} is said to be lost", seen.0);
            }
            // An older machine loses more, and never what it does not name.
            let mut seen = Seen::default();
            let older = I8042Sections::from_state(&state, false, &mut |loss| seen.tell(loss)).unwrap();
            let _ = older.to_state(&mut |_| true).unwrap();
        }
    }

    /// What the guest reads afterwards is what it would have read.
    #[test]
    fn the_bytes_that_wait_stay_in_order(script in i8042::scripts(60)) {
        let mut controller = I8042::new(NoInterrupt, NoInterrupt, NoControl);
        for op in &script {
            match op {
                i8042::Op::Read(port) => drop(controller.read(*port)),
                i8042::Op::Write(port, byte) => controller.write(*port, *byte),
                i8042::Op::Key(key, pressed) => drop(controller.key(*key, *pressed)),
                i8042::Op::Mouse(input) => drop(controller.mouse(input)),
                i8042::Op::Reset => controller.reset(),
            }
        }
        let state = controller.state();
        let mut seen = Seen::default();
        let sections = I8042Sections::from_state(&state, true, &mut |loss| seen.tell(loss)).unwrap();
        prop_assume!(seen.0.is_empty());
        let again = sections.to_state(&mut |_| true).unwrap();
        prop_assert_eq!(read_out(&again), read_out(&state));
    }

    #[test]
    fn any_bytes_as_a_section_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(section) = SerialSection::parse(&bytes) {
            let _ = section.to_state(NOW, &mut |_| true);
        }
        if let Ok(section) = Pl031Section::parse(&bytes) {
            let _ = section.to_state(NOW, &mut |_| true);
        }
    }
}

/// What is neither kept nor seen by a guest has its default; packets are replies.
fn as_qemu_keeps_it(state: &I8042State, again: &I8042State) -> I8042State {
    I8042State {
        last_write_was_command: true,
        keyboard: KeyboardState {
            typematic: KeyboardState::RESET.typematic,
            last_sent: KeyboardState::RESET.last_sent,
            ..state.keyboard
        },
        mouse: MouseState {
            last_sent: MouseState { ..again.mouse }.last_sent,
            replies: again.mouse.replies,
            packets: again.mouse.packets,
            begun: 0,
            ..state.mouse
        },
        ..*state
    }
}

pub(crate) fn read_out(state: &I8042State) -> Vec<u8> {
    let (config, events) = (I8042Config::DEFAULT, devstate_i8042::NoEvents);
    let mut controller = I8042::from_state(state, NoInterrupt, NoInterrupt, NoControl, events, config).unwrap();
    (0..64).map(|_| controller.read(0)).collect()
}
