//! The receive time-out: when it runs, what restarts it, what it survives.

use devstate_core::{Clock, Instant};
use devstate_serial_16550::{Serial, SerialState, spec};

use crate::support::{Bench, Counters, Guest, KEEPING, Line, MAX_TIMEOUT, Sink, TIMEOUT, bench, fifo_bench};

#[test]
fn it_is_due_four_characters_after_the_last_one_and_not_a_nanosecond_earlier() {
    let (mut device, line) = fifo_bench();
    assert_eq!(device.next_deadline(), None);
    assert_eq!(device.receive(b"x", Instant::from_nanos(1_000)), 1);
    assert_eq!(device.next_deadline(), Some(Instant::from_nanos(1_000 + TIMEOUT)));
    device.advance(Instant::from_nanos(999 + TIMEOUT));
    assert!(!line.level());
    device.advance(Instant::from_nanos(1_000 + TIMEOUT));
    assert!(line.level());
    assert_eq!(device.next_deadline(), None);
    assert_eq!(device.id(), 0x0c);
    assert_eq!(device.rbr(), b'x');
    assert!(!line.level());
    assert_eq!(device.events().count("timed_out"), 1);
}

#[test]
fn any_access_finds_it_due() {
    type Access = fn(&mut Bench, u64);
    let accesses: [Access; 7] = [
        |device, now| assert_eq!(device.read(spec::IIR, Instant::from_nanos(now)), 0xcc),
        |device, now| device.write(spec::SCR, 0, Instant::from_nanos(now)),
        |device, now| device.advance(Instant::from_nanos(now)),
        |device, now| assert_eq!(device.receive(b"y", Instant::from_nanos(now)), 1),
        |device, now| device.receive_break(Instant::from_nanos(now)),
        |device, now| assert_eq!(device.drain_output(Instant::from_nanos(now)), 0),
        |device, now| device.set_modem_lines(devstate_serial_16550::ModemLines::CONNECTED, Instant::from_nanos(now)),
    ];
    for access in accesses {
        let (mut device, line) = fifo_bench();
        device.write(spec::IER, 0x01, Instant::EPOCH);
        assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
        access(&mut device, TIMEOUT);
        assert_eq!(line.take(), [true]);
        assert_eq!(device.id(), 0x0c);
    }
}

#[test]
fn arrivals_and_reads_restart_it() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    assert_eq!(device.receive(b"y", Instant::from_nanos(100)), 1);
    assert_eq!(device.next_deadline(), Some(Instant::from_nanos(100 + TIMEOUT)));
    assert_eq!(device.read(spec::RBR, Instant::from_nanos(300)), b'x');
    assert_eq!(device.next_deadline(), Some(Instant::from_nanos(300 + TIMEOUT)));
    assert_eq!(device.read(spec::RBR, Instant::from_nanos(400)), b'y');
    assert_eq!(device.next_deadline(), None, "nothing is left to be late");
}

#[test]
fn a_character_that_is_lost_restarts_it_too() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(&[0; 16], Instant::EPOCH), 16);
    device.receive_break(Instant::from_nanos(500));
    assert_eq!(device.next_deadline(), Some(Instant::from_nanos(500 + TIMEOUT)));
}

#[test]
fn other_registers_do_not_restart_it() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    for register in 1..8 {
        device.read(register, Instant::from_nanos(200));
        device.write(register, 0x81, Instant::from_nanos(200));
    }
    assert_eq!(device.next_deadline(), Some(Instant::from_nanos(TIMEOUT)));
}

#[test]
fn once_due_it_stays_until_a_character_is_read() {
    let (mut device, line) = fifo_bench();
    assert_eq!(device.receive(b"xyz", Instant::EPOCH), 3);
    device.advance(Instant::from_nanos(TIMEOUT));
    assert_eq!(device.receive(b"!", Instant::from_nanos(TIMEOUT + 10)), 1);
    assert!(line.level());
    assert_eq!(device.next_deadline(), None);
    assert_eq!(device.read(spec::RBR, Instant::from_nanos(TIMEOUT + 20)), b'x');
    assert!(!line.level());
    assert_eq!(
        device.next_deadline(),
        Some(Instant::from_nanos(2 * TIMEOUT + 20)),
        "and begins anew for the rest"
    );
    device.advance(Instant::from_nanos(2 * TIMEOUT + 20));
    assert!(line.level());
    assert_eq!(device.events().count("timed_out"), 2);
}

#[test]
fn clearing_the_receiver_serves_it() {
    for fcr in [0x83, 0x00] {
        let (mut device, line) = fifo_bench();
        assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
        device.advance(Instant::from_nanos(TIMEOUT));
        device.write(spec::FCR, fcr, Instant::from_nanos(TIMEOUT));
        assert!(!line.level());
    }
}

#[test]
fn ier_bit_0_masks_it_without_stopping_it() {
    let (mut device, line) = fifo_bench();
    device.write(spec::IER, 0x0e, Instant::EPOCH);
    device.id();
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    device.advance(Instant::from_nanos(TIMEOUT));
    assert!(!line.level());
    device.write(spec::IER, 0x01, Instant::from_nanos(TIMEOUT));
    assert_eq!(device.id(), 0x0c);
}

#[test]
fn there_is_no_time_out_in_16450_mode() {
    let (mut device, _) = bench();
    device.write(spec::IER, 0x01, Instant::EPOCH);
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    assert_eq!(device.next_deadline(), None);
    device.advance(Instant::MAX);
    assert_eq!(device.id(), 0x04);
}

#[test]
fn its_length_follows_from_the_speed_of_the_line() {
    for (divisor, lcr, expected) in [
        (1, 0x03, TIMEOUT),
        (12, 0x03, 4_166_667),
        (12, 0x00, 2_916_667),
        (12, 0x04, 3_125_000),
        (384, 0x0f, 160_000_000),
        (0, 0x0f, 27_306_666_667),
    ] {
        let (mut device, _) = fifo_bench();
        device.set_divisor(divisor);
        device.write(spec::LCR, lcr, Instant::EPOCH);
        assert_eq!(device.receive(b"x", Instant::from_nanos(5)), 1);
        assert_eq!(
            device.next_deadline(),
            Some(Instant::from_nanos(5 + expected)),
            "divisor {divisor}, LCR {lcr:#x}"
        );
        assert!(expected <= MAX_TIMEOUT);
    }
}

#[test]
fn a_clock_that_steps_back_delays_it_by_no_more_than_a_time_out() {
    let (mut device, line) = fifo_bench();
    assert_eq!(device.receive(b"x", Instant::from_nanos(1_000_000_000)), 1);
    let state = device.state(Instant::from_nanos(5));
    assert_eq!(state.timeout_remaining, TIMEOUT);
    device.advance(Instant::from_nanos(5));
    assert_eq!(device.next_deadline(), Some(Instant::from_nanos(5 + TIMEOUT)));
    device.advance(Instant::from_nanos(5 + TIMEOUT));
    assert!(line.level());
}

#[test]
fn the_end_of_time_is_no_special_moment() {
    let (mut device, line) = fifo_bench();
    assert_eq!(device.receive(b"x", Instant::from_nanos(u64::MAX - 1)), 1);
    assert_eq!(device.next_deadline(), Some(Instant::from_nanos(u64::MAX)));
    assert_eq!(device.state(Instant::MAX).timeout_remaining, 0);
    device.advance(Instant::MAX);
    assert!(line.level());
}

#[test]
fn a_frozen_clock_goes_on_where_it_was() {
    let state = state_with_timeout();
    for now in [0, 77, u64::MAX / 2] {
        let (device, line) = restored(&state, Instant::from_nanos(now), Clock::Frozen);
        assert_eq!(device.next_deadline(), Some(Instant::from_nanos(now + TIMEOUT - 100)));
        assert_eq!(line.take(), [false]);
    }
}

#[test]
fn a_wall_clock_runs_on_while_saved() {
    let state = state_with_timeout();
    let (device, _) = restored(&state, Instant::from_nanos(5_100), Clock::Wall);
    assert_eq!(device.next_deadline(), Some(Instant::from_nanos(5_000 + TIMEOUT)));
    let (device, line) = restored(&state, Instant::from_nanos(4_999 + TIMEOUT), Clock::Wall);
    assert_eq!(device.next_deadline(), Some(Instant::from_nanos(5_000 + TIMEOUT)));
    assert_eq!(line.take(), [false]);
    for late in [5_000 + TIMEOUT, u64::MAX] {
        let (mut device, line) = restored(&state, Instant::from_nanos(late), Clock::Wall);
        assert_eq!(line.take(), [true]);
        assert_eq!(device.id(), 0x0c);
        assert_eq!(device.events().count("timed_out"), 1);
    }
    let (device, _) = restored(&state, Instant::from_nanos(3), Clock::Wall);
    assert_eq!(
        device.next_deadline(),
        Some(Instant::from_nanos(3 + TIMEOUT - 100)),
        "a clock that steps back"
    );
}

#[test]
fn over_any_number_of_saves_it_falls_due_once() {
    for clock in [Clock::Frozen, Clock::Wall] {
        let mut state = state_with_timeout();
        let mut levels = Vec::new();
        for step in 0..10 {
            let now = 5_100 + step * TIMEOUT / 4;
            let (device, line) = restored(&state, Instant::from_nanos(now), clock);
            levels.extend(line.take());
            // The host forgets to call `advance`; the save knows all the same.
            let saved_at = if clock == Clock::Frozen { now + TIMEOUT / 4 } else { now };
            state = device.state(Instant::from_nanos(saved_at));
        }
        assert_eq!(levels.len(), 10, "driven once by each restore");
        assert_eq!(levels.iter().position(|level| *level), Some(4), "{clock:?}");
        assert_eq!(levels[4..], [true; 6], "{clock:?}");
    }
}

fn state_with_timeout() -> SerialState {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(b"x", Instant::from_nanos(5_000)), 1);
    device.state(Instant::from_nanos(5_100))
}

fn restored(state: &SerialState, now: Instant, clock: Clock) -> (Bench, Line) {
    let line = Line::default();
    let device = Serial::from_state(
        state,
        line.clone(),
        Sink::default(),
        Counters::default(),
        KEEPING,
        now,
        clock,
    )
    .unwrap();
    (device, line)
}
