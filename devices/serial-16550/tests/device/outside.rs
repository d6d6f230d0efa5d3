//! Events for the host: room for more input, the guest's outputs, lost characters.

use std::cell::RefCell;
use std::time::Duration;

use devstate_core::{Clock, Instant, NoInterrupt};
use devstate_serial_16550::{
    CharacterErrors, LineParameters, ModemOutputs, Serial, SerialEvents, SerialState, StopBits, spec,
};

use crate::support::{Bench, Guest, KEEPING, Mode, Sink, bench, fifo_bench};

type Way = (&'static str, fn(&mut Bench));

/// Every way to room in a receiver that was full.
const WAYS_TO_ROOM: &[Way] = &[
    ("reading", |device| {
        while device.lsr() & 1 != 0 {
            device.rbr();
        }
    }),
    ("clearing the FIFO", |device| {
        device.write(spec::FCR, 0x83, Instant::EPOCH);
    }),
    ("as Linux opens the port", |device| {
        device.write(spec::FCR, 0x07, Instant::EPOCH);
    }),
    ("FIFOs switched", |device| {
        let on = device.read(spec::IIR, Instant::EPOCH) & 0xc0 != 0;
        device.write(spec::FCR, u8::from(!on), Instant::EPOCH);
    }),
    ("FIFOs off and on", |device| {
        device.write(spec::FCR, 0x00, Instant::EPOCH);
        device.write(spec::FCR, 0x01, Instant::EPOCH);
    }),
    ("reset", |device| device.reset(Instant::EPOCH)),
    ("restore", |device| {
        device
            .restore(&SerialState::RESET, Instant::EPOCH, Clock::Frozen)
            .unwrap();
    }),
    ("reading some, then a reset", |device| {
        device.rbr();
        device.reset(Instant::EPOCH);
    }),
    ("reading some, then clearing", |device| {
        device.rbr();
        device.write(spec::FCR, 0x83, Instant::EPOCH);
    }),
    ("loopback in between", |device| {
        device.write(spec::MCR, 0x10, Instant::EPOCH);
        while device.lsr() & 1 != 0 {
            device.rbr();
        }
        assert_eq!(
            device.events().count("receive_ready"),
            0,
            "there is no room in loopback"
        );
        device.write(spec::MCR, 0x00, Instant::EPOCH);
    }),
];

#[test]
fn a_host_that_was_refused_hears_of_room_whatever_made_it() {
    for (name, way) in WAYS_TO_ROOM {
        for fifo in [true, false] {
            let (mut device, _) = if fifo { fifo_bench() } else { bench() };
            let taken = device.receive(&[b'x'; 20], Instant::EPOCH);
            assert!(taken < 20 && device.receive_capacity() == 0);
            device.events().clear();
            way(&mut device);
            assert!(device.receive_capacity() != 0, "{name}");
            let ready = device.events().count("receive_ready");
            assert!((1..=2).contains(&ready), "{name}, FIFOs {fifo}: {ready}");
        }
    }
}

#[test]
fn the_host_hears_of_room_when_characters_are_left() {
    let (mut device, _) = fifo_bench();
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    device.thr(b'x');
    assert_eq!(device.receive(b"y", Instant::EPOCH), 0);
    device.events().clear();
    device.write(spec::MCR, 0x00, Instant::EPOCH);
    assert_eq!(
        (device.receive_capacity(), device.events().count("receive_ready")),
        (15, 1)
    );
}

#[test]
fn a_new_device_in_a_saved_state_reports_room() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(&[b'x'; 16], Instant::EPOCH), 16);
    for (unread, events) in [(16, 0), (15, 1)] {
        let state = device.state(Instant::EPOCH);
        assert_eq!(state.rx.len, unread);
        let counters = crate::support::Counters::default();
        let (output, now) = (Sink::default(), Instant::EPOCH);
        Serial::from_state(&state, NoInterrupt, output, &counters, KEEPING, now, Clock::Frozen).unwrap();
        assert_eq!(counters.count("receive_ready"), events);
        device.rbr();
    }
}

/// Writes down what the guest drives.
#[derive(Default)]
struct Seen(RefCell<Vec<String>>);

impl SerialEvents for Seen {
    fn modem_outputs_changed(&self, outputs: ModemOutputs) {
        let names = [
            (outputs.dtr, "DTR"),
            (outputs.rts, "RTS"),
            (outputs.out1, "OUT1"),
            (outputs.out2, "OUT2"),
        ];
        let active: Vec<_> = names.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        self.0.borrow_mut().push(format!("outputs {}", active.join(" ")));
    }

    fn break_changed(&self, active: bool) {
        self.0.borrow_mut().push(format!("break {active}"));
    }

    fn line_changed(&self, line: LineParameters) {
        let stop = if line.stop_bits == StopBits::One { 1 } else { 2 };
        self.0.borrow_mut().push(format!(
            "{} baud, {} bits, {stop} stop",
            line.baud_rate(),
            line.data_bits
        ));
    }
}

#[test]
fn the_host_hears_what_the_guest_drives_with_the_new_value() {
    let seen = Seen::default();
    let mut device = Serial::with_events(NoInterrupt, Sink::default(), &seen);
    let mut check = |offset, value, expected: &[&str]| {
        device.write(offset, value, Instant::EPOCH);
        assert_eq!(seen.0.take(), expected, "{value:#x} to {offset}");
    };
    check(spec::LCR, 0x80, &[]);
    check(spec::DLL, 0x01, &["115200 baud, 5 bits, 1 stop"]);
    check(spec::DLL, 0x01, &[]);
    check(spec::DLM, 0x01, &["448 baud, 5 bits, 1 stop"]);
    check(spec::DLM, 0x00, &["115200 baud, 5 bits, 1 stop"]);
    check(spec::LCR, 0x07, &["115200 baud, 8 bits, 2 stop"]);
    check(spec::LCR, 0x47, &["break true"]);
    check(spec::MCR, 0x03, &["outputs DTR RTS"]);
    check(spec::MCR, 0x03, &[]);
    check(spec::MCR, 0x0b, &["outputs DTR RTS OUT2"]);
    check(spec::MCR, 0x1b, &["outputs ", "break false"]);
    check(spec::MCR, 0x0f, &["outputs DTR RTS OUT1 OUT2", "break true"]);
    check(spec::LCR, 0x07, &["break false"]);

    let state = device.state(Instant::EPOCH);
    device.reset(Instant::EPOCH);
    assert_eq!(seen.0.take(), ["outputs ", "115200 baud, 5 bits, 1 stop"]);
    device.restore(&state, Instant::EPOCH, Clock::Frozen).unwrap();
    assert_eq!(
        seen.0.take(),
        ["outputs DTR RTS OUT1 OUT2", "115200 baud, 8 bits, 2 stop"]
    );
}

#[test]
fn a_restore_over_characters_reports_their_loss() {
    let (mut device, _) = fifo_bench();
    device.output_mut().mode = Mode::Busy;
    for _ in 0..4 {
        device.thr(b'x');
    }
    device.receive_character(b'y', CharacterErrors::NONE, Instant::EPOCH);
    let state = device.state(Instant::EPOCH);
    device.events().clear();
    device
        .restore(&SerialState::RESET, Instant::EPOCH, Clock::Frozen)
        .unwrap();
    assert_eq!(
        [
            device.events().count("transmit_discarded"),
            device.events().count("receive_discarded")
        ],
        [4, 1]
    );
    device.events().clear();
    device.restore(&state, Instant::EPOCH, Clock::Frozen).unwrap();
    assert_eq!(device.events().count("transmit_discarded"), 0);
    let invalid = SerialState { ier: 0xff, ..state };
    assert!(device.restore(&invalid, Instant::EPOCH, Clock::Frozen).is_err());
    assert_eq!(
        device.events().count("transmit_discarded"),
        0,
        "a state that is refused loses nothing"
    );
}

#[test]
fn a_deadline_of_the_past_state_does_not_outlast_a_restore() {
    let (mut device, _) = fifo_bench();
    device.write(spec::IER, 0x03, Instant::EPOCH);
    device.thr(b'x');
    assert_eq!(device.receive(b"y", Instant::EPOCH), 1);
    assert!(device.next_deadline().is_some());
    device
        .restore(&SerialState::RESET, Instant::EPOCH, Clock::Frozen)
        .unwrap();
    assert_eq!(device.next_deadline(), None);
    device.advance(Instant::EPOCH.saturating_add(Duration::from_secs(1)));
    assert_eq!(device.events().count("timed_out"), 0);
}
