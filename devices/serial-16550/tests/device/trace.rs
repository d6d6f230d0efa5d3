//! A recorded Linux guest, from its BIOS to power-off: every read gives what it gave then.

use devstate_core::{Clock, Instant};
use devstate_serial_16550::{Serial, SerialState};

use crate::support::{Bench, Counters, KEEPING, Line, Sink, bench};

const TRACE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/replay/traces/linux-6.1-x86-serial-i8042.trace"
);

#[test]
fn a_recorded_linux_finds_the_uart_it_knows() {
    let (device, _) = bench();
    let replayed = replay(device, |device, _| device);
    assert!(replayed.console.contains("Linux version 6.1"));
    assert!(replayed.reads > 20_000);
}

#[test]
fn a_recorded_linux_does_not_notice_a_restore_after_every_event() {
    let (device, _) = bench();
    let mut console = Vec::new();
    let replayed = replay(device, |device, now| {
        let state: SerialState = device.state(now);
        console.append(&mut device.output().taken.clone());
        Serial::from_state(
            &state,
            Line::default(),
            Sink::default(),
            Counters::default(),
            KEEPING,
            now,
            Clock::Wall,
        )
        .unwrap()
    });
    console.extend(replayed.console.bytes());
    assert!(String::from_utf8_lossy(&console).contains("Linux version 6.1"));
}

struct Replayed {
    console: String,
    reads: usize,
}

fn replay(mut device: Bench, mut between: impl FnMut(Bench, Instant) -> Bench) -> Replayed {
    let trace = std::fs::read_to_string(TRACE).expect("the trace is part of the repository");
    let mut now = Instant::EPOCH;
    let mut reads = 0;
    for (number, line) in (1..).zip(trace.lines()) {
        let words: Vec<_> = line.split(' ').collect();
        let hex = |index: usize| u8::from_str_radix(words[index], 16).unwrap();
        match words[..] {
            ["serial", "w", ..] => device.write(hex(2).into(), hex(3), now),
            ["serial", "r", ..] => {
                let found = device.read(hex(2).into(), now);
                assert_eq!(found, hex(3), "line {number}: {line}");
                reads += 1;
            }
            ["serial", "rx", ..] => assert_eq!(device.receive(&[hex(2)], now), 1, "line {number}: no room"),
            ["serial", "idle"] => {
                now = device.next_deadline().unwrap_or(now);
                device.advance(now);
            }
            _ => continue,
        }
        device = between(device, now);
    }
    Replayed {
        console: String::from_utf8_lossy(&device.output().taken).into_owned(),
        reads,
    }
}
