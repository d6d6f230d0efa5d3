//! Random guests and hosts: a device that is saved and restored after every step behaves like one that is not, and the
//! invariants hold.

use devstate_core::{Clock, Instant};
use devstate_serial_16550::{ModemLines, Serial, SerialState, spec};
use proptest::prelude::*;

use crate::support::{Bench, Counters, KEEPING, Line, Mode, Sink, bench, errors_of};

#[derive(Clone, Debug)]
enum Step {
    Read(u16),
    Write(u16, u8),
    Receive(Vec<u8>),
    Character(u8, u64),
    Lines(u8),
    Output(Mode),
    Drain,
    Pass(u64),
    ToDeadline,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..9u16).prop_map(Step::Read),
        4 => any::<u8>().prop_map(|value| Step::Write(spec::THR, value)),
        4 => (0..16u8).prop_map(|value| Step::Write(spec::IER, value)),
        3 => prop::sample::select(vec![0, 1, 0x03, 0x07, 0x41, 0x81, 0xc1, 0xc9, 0x85])
            .prop_map(|value| Step::Write(spec::FCR, value)),
        2 => prop::sample::select(vec![0x03, 0x80, 0x00, 0x1b, 0x0f, 0x43]).prop_map(|value| Step::Write(spec::LCR, value)),
        2 => (0..32u8).prop_map(|value| Step::Write(spec::MCR, value)),
        1 => (0..9u16, any::<u8>()).prop_map(|(offset, value)| Step::Write(offset, value)),
        3 => prop::collection::vec(any::<u8>(), 0..20).prop_map(Step::Receive),
        4 => (any::<u8>(), 0..8u64).prop_map(|(byte, errors)| Step::Character(byte, errors)),
        1 => any::<u8>().prop_map(Step::Lines),
        2 => prop::sample::select(vec![Mode::Ready, Mode::Busy, Mode::TakesNothing, Mode::FailsToWrite])
            .prop_map(Step::Output),
        2 => Just(Step::Drain),
        2 => (0..10_000_000u64).prop_map(Step::Pass),
        2 => Just(Step::ToDeadline),
        1 => Just(Step::Reset),
    ]
}

/// What the guest and the host get to see of a step.
fn apply(device: &mut Bench, step: &Step, now: Instant) -> usize {
    match step {
        Step::Read(offset) => device.read(*offset, now).into(),
        Step::Write(offset, value) => {
            device.write(*offset, *value, now);
            0
        }
        Step::Receive(characters) => device.receive(characters, now),
        Step::Character(byte, errors) => {
            device.receive_character(*byte, errors_of(*errors), now);
            0
        }
        Step::Lines(lines) => {
            device.set_modem_lines(ModemLines::from_msr(*lines), now);
            0
        }
        Step::Output(mode) => {
            device.output_mut().mode = *mode;
            0
        }
        Step::Drain => device.drain_output(now),
        Step::Pass(_) | Step::ToDeadline => {
            device.advance(now);
            0
        }
        Step::Reset => {
            device.reset(now);
            0
        }
    }
}

fn check(device: &Bench, line: &Line, now: Instant) {
    let state = device.state(now);
    assert_eq!(state.validate(), Ok(()));
    assert_eq!(device.interrupt_level(), line.level());
    let (mut twin, twin_line) = restored(&state, now, Clock::Wall, Mode::Busy);
    assert_eq!(twin_line.level(), line.level(), "the level is a function of the state");
    let lsr = twin.read(spec::LSR, now);
    assert_eq!(lsr & 0x01 != 0, state.rx.len != 0);
    assert_eq!(lsr & 0x20 != 0, state.tx.len == 0);
    assert_eq!(lsr & 0x40 != 0, device.output_pending() == 0);
    assert!(lsr & 0x80 == 0 || state.fcr & 1 != 0);
    let (mut twin, twin_line) = restored(&state, now, Clock::Wall, Mode::Busy);
    let iir = twin.read(spec::IIR, now);
    assert!(
        [0x00, 0x01, 0x02, 0x04, 0x06, 0x0c].contains(&(iir & 0x3f)),
        "IIR {iir:#x}"
    );
    assert_eq!(iir & 0xc0, if state.fcr & 1 != 0 { 0xc0 } else { 0 });
    assert_eq!(iir & 1 == 0, line.level());
    assert!(
        iir & 0x3f == 0x02 || twin_line.take().len() == 1,
        "IIR serves nothing but the transmitter"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_save_after_every_step_is_not_noticed(steps in prop::collection::vec((step(), 0..1_000_000_000u64), 1..120)) {
        let (mut device, line) = bench();
        let (mut saved, mut saved_line) = bench();
        let (mut now, mut saved_now) = (Instant::EPOCH, Instant::EPOCH);
        for (step, pause) in &steps {
            let passed = match step {
                Step::Pass(passed) => *passed,
                Step::ToDeadline => device.next_deadline().map_or(0, |deadline| deadline.saturating_nanos_since(now)),
                _ => 0,
            };
            now = now.saturating_add_nanos(passed);
            saved_now = saved_now.saturating_add_nanos(passed);
            let seen = apply(&mut device, step, now);
            prop_assert_eq!(apply(&mut saved, step, saved_now), seen);
            prop_assert_eq!(saved_line.level(), line.level());
            check(&device, &line, now);

            let state = saved.state(saved_now);
            prop_assert_eq!(SerialState { saved_at: now, ..state }, device.state(now));
            // The clock stands still while saved; the new host counts from somewhere else.
            saved_now = Instant::from_nanos((saved_now.as_nanos() + *pause) % 1_000_000_000_000);
            let (mode, taken) = (saved.output().mode, std::mem::take(&mut saved.output_mut().taken));
            (saved, saved_line) = restored(&state, saved_now, Clock::Frozen, mode);
            saved.output_mut().taken = taken;
            prop_assert_eq!(saved.output().taken.as_slice(), device.output().taken.as_slice());
            // A restore drives the line, so that no rise of it has to be repeated.
            let wait = device.next_deadline().map(|deadline| deadline.saturating_nanos_since(now));
            let saved_wait = saved.next_deadline().map(|deadline| deadline.saturating_nanos_since(saved_now));
            prop_assert!(saved_wait.is_none_or(|saved_wait| wait.is_some_and(|wait| wait <= saved_wait)));
            prop_assert!(state.timeout_remaining == 0 || saved_wait.is_some());
        }
    }

    #[test]
    fn time_may_jump_anywhere(steps in prop::collection::vec((step(), any::<u64>()), 1..60)) {
        let (mut device, line) = bench();
        for (step, now) in &steps {
            apply(&mut device, step, Instant::from_nanos(*now));
            let state = device.state(Instant::from_nanos(*now));
            prop_assert_eq!(state.validate(), Ok(()));
            prop_assert_eq!(device.interrupt_level(), line.level());
        }
    }
}

fn restored(state: &SerialState, now: Instant, clock: Clock, mode: Mode) -> (Bench, Line) {
    let line = Line::default();
    let sink = Sink {
        mode,
        ..Sink::default()
    };
    let device = Serial::from_state(state, line.clone(), sink, Counters::default(), KEEPING, now, clock).unwrap();
    (device, line)
}
