//! What the host chooses: output that stalls or fails, flow control, the line's rate, the crystal, a missing timer.

use std::time::Duration;

use devstate_core::{Clock, Instant, NoInterrupt};
use devstate_serial_16550::{Config, NoEvents, OutputPolicy, Serial, SerialState, spec};

use crate::support::{Bench, Counters, Guest, Line, Mode, Sink, bench};

fn with(config: Config) -> (Bench, Line) {
    let line = Line::default();
    let mut device = Serial::with_config(line.clone(), Sink::default(), Counters::default(), config);
    device.set_divisor(1);
    device.write(spec::LCR, 0x03, Instant::EPOCH);
    device.write(spec::FCR, 0x81, Instant::EPOCH);
    device.events().clear();
    (device, line)
}

const STALLS: [Mode; 2] = [Mode::Busy, Mode::TakesNothing];
const FAILURES: [Mode; 2] = [Mode::FailsToWrite, Mode::FailsToSay];

#[test]
fn by_default_failed_output_is_discarded_and_stalled_output_waits() {
    for mode in FAILURES {
        let (mut device, _) = with(Config::DEFAULT);
        device.output_mut().mode = mode;
        for _ in 0..100 {
            assert_eq!(device.lsr() & 0x60, 0x60, "the guest waits for nothing");
            device.thr(b'x');
        }
        assert_eq!(
            device.events().all(),
            [("output_discarded", 100), ("output_failed", 100)]
        );
    }
    for mode in STALLS {
        let (mut device, _) = with(Config::DEFAULT);
        device.output_mut().mode = mode;
        device.thr(b'x');
        assert_eq!((device.lsr(), device.output_pending()), (0x20, 1));
    }
}

#[test]
fn discarded_output_serves_the_guests_interrupt_as_sent_output_does() {
    for mode in STALLS.into_iter().chain(FAILURES) {
        let (mut device, line) = with(Config {
            stalled_output: OutputPolicy::Discard,
            ..Config::DEFAULT
        });
        device.output_mut().mode = mode;
        device.write(spec::IER, 0x02, Instant::EPOCH);
        for _ in 0..3 {
            assert_eq!((device.id(), line.level()), (0x02, false));
            device.thr(b'x');
            assert!(line.level());
        }
        assert_eq!(device.events().count("output_discarded"), 3);
    }
}

#[test]
fn output_is_discarded_after_a_time() {
    let patience = Duration::from_secs(1);
    for (modes, timer) in [(STALLS, true), (FAILURES, true), (STALLS, false), (FAILURES, false)] {
        for mode in modes {
            let (mut device, _) = with(Config {
                timer,
                stalled_output: OutputPolicy::DiscardAfter(patience),
                failed_output: OutputPolicy::DiscardAfter(patience),
                ..Config::DEFAULT
            });
            let start = Instant::from_secs(5);
            device.output_mut().mode = mode;
            for _ in 0..3 {
                device.write(spec::THR, b'x', start);
            }
            let end = start.saturating_add(patience);
            assert_eq!(device.next_deadline(), Some(end));
            assert_eq!(device.read(spec::LSR, Instant::from_nanos(end.as_nanos() - 1)), 0x00);
            if timer {
                device.advance(end);
            }
            // Without a timer, the guest that polls is enough.
            assert_eq!(device.read(spec::LSR, end), 0x60);
            assert_eq!(device.events().count("output_discarded"), 3);
            assert_eq!(device.next_deadline(), None);

            // From here on nothing waits, until the output takes something again.
            device.write(spec::THR, b'y', end);
            assert_eq!(device.events().count("output_discarded"), 4);
            device.output_mut().mode = Mode::Ready;
            device.write(spec::THR, b'z', end);
            device.output_mut().mode = mode;
            device.write(spec::THR, b'w', end);
            assert_eq!(
                (device.output().taken.as_slice(), device.output_pending()),
                (&b"z"[..], 1)
            );
            assert_eq!(device.next_deadline(), Some(end.saturating_add(patience)));
        }
    }
}

#[test]
fn output_that_comes_back_in_time_loses_nothing() {
    let (mut device, _) = with(Config {
        stalled_output: OutputPolicy::DiscardAfter(Duration::from_secs(1)),
        ..Config::WITH_TIMER
    });
    device.output_mut().mode = Mode::Busy;
    for byte in b"abc" {
        device.thr(*byte);
    }
    device.output_mut().mode = Mode::Ready;
    // The deadline offers the characters for the last time.
    device.advance(Instant::from_secs(1));
    assert_eq!(device.output().taken, b"abc");
    assert_eq!(device.events().count("output_discarded"), 0);
}

#[test]
fn a_clock_that_is_set_back_does_not_delay_the_discard() {
    let (mut device, _) = with(Config {
        stalled_output: OutputPolicy::DiscardAfter(Duration::from_secs(1)),
        ..Config::WITH_TIMER
    });
    device.output_mut().mode = Mode::Busy;
    device.write(spec::THR, b'x', Instant::from_secs(3_600));
    device.advance(Instant::from_secs(10));
    assert_eq!(device.next_deadline(), Some(Instant::from_secs(11)));
    device.advance(Instant::from_secs(11));
    assert_eq!(
        device.next_deadline(),
        Some(Instant::from_secs(12)),
        "the stall counts from here"
    );
    device.advance(Instant::from_secs(12));
    assert_eq!(device.events().count("output_discarded"), 1);
}

#[test]
fn waiting_output_is_offered_after_a_restore_that_may_discard_it() {
    let (mut device, _) = bench();
    device.output_mut().mode = Mode::Busy;
    device.thr(b'x');
    let state = device.state(Instant::EPOCH);
    let config = Config {
        stalled_output: OutputPolicy::DiscardAfter(Duration::from_secs(1)),
        ..Config::WITH_TIMER
    };
    let (output, now) = (Sink::default(), Instant::from_secs(9));
    let mut device = Serial::from_state(&state, NoInterrupt, output, NoEvents, config, now, Clock::Frozen).unwrap();
    assert_eq!(device.output().taken, b"", "not while it is built");
    assert_eq!(device.next_deadline(), Some(now));
    assert_eq!(device.read(spec::LSR, now), 0x60);
    assert_eq!(device.output().taken, b"x");
}

#[test]
fn the_policy_can_change_while_output_waits() {
    let (mut device, _) = with(Config::WITH_TIMER);
    device.output_mut().mode = Mode::Busy;
    for _ in 0..5 {
        device.thr(b'x');
    }
    let config = Config {
        stalled_output: OutputPolicy::Discard,
        ..Config::WITH_TIMER
    };
    device.set_config(config, Instant::EPOCH);
    assert_eq!((device.config(), device.lsr()), (config, 0x60));
    assert_eq!(device.events().count("output_discarded"), 5);
}

#[test]
fn with_flow_control_nothing_is_received_before_the_port_is_open() {
    let (mut device, _) = with(Config {
        flow_control: true,
        ..Config::WITH_TIMER
    });
    for (mcr, ready) in [
        (0x00, false),
        (0x01, false),
        (0x02, false),
        (0x03, true),
        (0x13, false),
        (0x0b, true),
    ] {
        device.events().clear();
        let was_ready = device.receive_capacity() != 0;
        device.write(spec::MCR, mcr, Instant::EPOCH);
        assert_eq!(device.receive_capacity() != 0, ready, "MCR {mcr:#x}");
        assert_eq!(device.events().count("receive_ready") == 1, ready && !was_ready);
        assert_eq!(device.receive(b"x", Instant::EPOCH) == 1, ready);
    }
}

#[test]
fn at_line_rate_a_guest_that_reads_in_its_handler_gets_a_character_each_time() {
    let (mut device, _) = with(Config {
        receive_at_line_rate: true,
        ..Config::WITH_TIMER
    });
    device.write(spec::IER, 0x01, Instant::EPOCH);
    let character = device.line_parameters().character_time();
    let typed = [b'x'; 8_192];
    let mut now = Instant::from_secs(1);
    let mut sent = device.receive(&typed, now);
    assert_eq!(sent, 16, "what the line had brought by now");
    while sent < typed.len() {
        // The handler empties the FIFO, and the host refills it at once.
        let mut in_one_handler = 0;
        while device.read(spec::LSR, now) & 1 != 0 {
            device.read(spec::RBR, now);
            in_one_handler += 1;
            sent += device.receive(&typed[sent..], now);
        }
        assert!(in_one_handler <= 16);
        let next = device.next_deadline().unwrap();
        assert!(next > now && next.saturating_duration_since(now) <= character);
        now = next;
        device.events().clear();
        device.advance(now);
        assert_eq!(device.events().count("receive_ready"), 1);
        sent += device.receive(&typed[sent..], now);
    }
    let passed = now.saturating_duration_since(Instant::from_secs(1));
    assert!(passed >= character * (8_192 - 17), "{passed:?}");
}

#[test]
fn at_line_rate_a_late_timer_and_a_clock_that_is_set_back_do_no_harm() {
    let (mut device, _) = with(Config {
        receive_at_line_rate: true,
        ..Config::WITH_TIMER
    });
    let character = device.line_parameters().character_time();
    let mut now = Instant::from_secs(7_200);
    assert_eq!(device.receive(&[0; 16], now), 16);
    while device.read(spec::LSR, now) & 1 != 0 {
        device.read(spec::RBR, now);
    }
    now = now.saturating_add(character * 5);
    assert_eq!(device.receive(&[0; 16], now), 5);
    now = Instant::from_secs(3_600);
    assert_eq!(device.receive(&[0; 2], now), 1);
    now = now.saturating_add(character);
    assert_eq!(device.receive(&[0; 2], now), 1);
}

#[test]
fn another_crystal_changes_the_time_out_and_the_speed() {
    for (hz, divisor) in [(24_000_000, 13), (3_686_400, 2), (1_843_200, 1)] {
        let (mut device, _) = with(Config {
            input_clock_hz: hz,
            ..Config::WITH_TIMER
        });
        device.set_divisor(divisor);
        assert!(device.line_parameters().baud_rate().abs_diff(115_200) < 200);
        assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
        let timeout = device.next_deadline().unwrap().since_epoch();
        let four = device.line_parameters().character_time() * 4;
        assert!(
            timeout <= four && four.checked_sub(timeout).unwrap() < Duration::from_nanos(4),
            "{hz} Hz"
        );
        assert!((347..348).contains(&timeout.as_micros()) || hz == 24_000_000);
    }
}

#[test]
fn with_a_slow_crystal_the_time_out_ends_where_states_may_have_it() {
    let (mut device, _) = with(Config {
        input_clock_hz: 32_768,
        ..Config::WITH_TIMER
    });
    device.set_divisor(0);
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    let state = device.state(Instant::EPOCH);
    assert_eq!(state.timeout_remaining, SerialState::MAX_TIMEOUT_NANOS);
    assert_eq!(state.validate(), Ok(()));
}

#[test]
fn without_a_timer_a_character_below_the_trigger_level_interrupts_at_once() {
    let (mut device, line) = with(Config::DEFAULT);
    device.write(spec::IER, 0x01, Instant::EPOCH);
    assert_eq!(device.receive(b"ls", Instant::EPOCH), 2);
    assert!(line.level());
    assert_eq!((device.id(), device.next_deadline()), (0x0c, None));
    assert_eq!(device.rbr(), b'l');
    assert!(line.level(), "until the last is read");
    assert_eq!(device.rbr(), b's');
    assert!(!line.level());
    assert_eq!(device.state(Instant::EPOCH).validate(), Ok(()));

    // What interrupts by itself shows as received data.
    assert_eq!(device.receive(b"12345678", Instant::EPOCH), 8);
    assert_eq!(device.id(), 0x04);
    device.rbr();
    assert_eq!((device.id(), line.level()), (0x0c, true));
}

#[test]
fn without_a_timer_a_restored_time_out_is_over() {
    let (mut device, _) = with(Config::WITH_TIMER);
    device.write(spec::IER, 0x01, Instant::EPOCH);
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    let (state, line) = (device.state(Instant::EPOCH), Line::default());
    let output = Sink::default();
    let now = Instant::EPOCH;
    Serial::from_state(
        &state,
        line.clone(),
        output,
        NoEvents,
        Config::DEFAULT,
        now,
        Clock::Frozen,
    )
    .unwrap();
    assert!(line.level());
}
