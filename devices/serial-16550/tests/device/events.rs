//! Every event can happen, through `NoEvents` and references too, and every lost character is counted once.

use devstate_core::{Instant, NoInterrupt};
use devstate_serial_16550::{AlwaysReady, CharacterErrors, NoEvents, Serial, spec};

use crate::support::{Counters, Dice, Guest, Mode, Sink, TIMEOUT, bench, fifo_bench};

#[test]
fn every_event_can_happen() {
    let (mut device, _) = fifo_bench();
    device.thr(b'a');
    device.output_mut().mode = Mode::Busy;
    for _ in 0..18 {
        device.thr(b'b');
    }
    device.output_mut().mode = Mode::FailsToWrite;
    device.drain_output(Instant::EPOCH);
    device.write(spec::FCR, 0x85, Instant::EPOCH);
    device.output_mut().mode = Mode::Ready;
    device.drain_output(Instant::EPOCH);
    assert_eq!(device.receive(&[1; 16], Instant::EPOCH), 16);
    device.receive_character(2, CharacterErrors::PARITY, Instant::EPOCH);
    device.advance(Instant::from_nanos(TIMEOUT));
    device.write(spec::FCR, 0x83, Instant::from_nanos(TIMEOUT));
    assert_eq!(device.receive(&[1], Instant::from_nanos(TIMEOUT)), 1);
    device.rbr();
    device.write(spec::MCR, 0x10, Instant::from_nanos(TIMEOUT));
    device.receive_break(Instant::from_nanos(TIMEOUT));
    device.read(8, Instant::from_nanos(TIMEOUT));
    device.write(8, 0, Instant::from_nanos(TIMEOUT));
    assert_eq!(
        device.events().all(),
        [
            ("invalid_read", 1),
            ("invalid_write", 1),
            ("output_failed", 1),
            ("output_stalled", 18),
            ("receive_discarded", 16),
            ("receive_disconnected", 1),
            ("receive_overrun", 1),
            ("receive_ready", 2),
            ("received", 18),
            ("received_with_errors", 1),
            ("timed_out", 1),
            ("transmit_discarded", 16),
            ("transmit_overrun", 1),
            ("transmitted", 2),
        ]
    );
}

#[test]
fn events_go_to_a_reference_or_to_no_handler() {
    let counters = Counters::default();
    let mut sink = [0; 4];
    let mut device = Serial::with_events(NoInterrupt, AlwaysReady(&mut sink[..]), &counters);
    let mut silent = Serial::with_events(NoInterrupt, Sink::default(), NoEvents);
    for byte in b"12345" {
        device.write(spec::THR, *byte, Instant::EPOCH);
        silent.write(spec::THR, *byte, Instant::EPOCH);
    }
    for offset in 0..10 {
        device.write(offset, 0x10, Instant::EPOCH);
        device.read(offset, Instant::EPOCH);
        silent.write(offset, 0x10, Instant::EPOCH);
        silent.read(offset, Instant::EPOCH);
    }
    assert_eq!(counters.count("transmitted"), 4);
    assert_eq!(
        counters.count("output_failed"),
        2,
        "a full slice takes no fifth character"
    );
    assert_eq!(counters.count("output_discarded"), 2);
    assert_eq!(counters.count("invalid_read"), 2);
    assert_eq!(silent.output().taken.len(), 6);
}

#[test]
fn every_character_is_delivered_waiting_or_counted_as_lost() {
    for seed in 0..40 {
        let mut dice = Dice::new(seed);
        let (mut device, _) = bench();
        let (mut written, mut sent_in, mut read) = (0, 0, 0);
        for _ in 0..400 {
            device.output_mut().mode = dice.pick(&[Mode::Ready, Mode::Busy, Mode::FailsToWrite, Mode::Busy]);
            match dice.roll(8) {
                0..3 => {
                    device.thr(dice.byte());
                    written += 1;
                }
                3 => device.write(spec::FCR, dice.pick(&[0, 1, 0x81, 0x83, 0x85, 0xc7]), Instant::EPOCH),
                4 => device.write(spec::MCR, dice.pick(&[0, 0x0b, 0x10]), Instant::EPOCH),
                5 => {
                    device.receive_character(dice.byte(), CharacterErrors::NONE, Instant::EPOCH);
                    sent_in += 1;
                }
                6 => sent_in += device.receive(&[0; 5], Instant::EPOCH),
                _ if device.lsr() & 1 != 0 => {
                    device.rbr();
                    read += 1;
                }
                _ => drop(device.drain_output(Instant::EPOCH)),
            }
        }
        let lost = |event| device.events().count(event);
        let looped = lost("received") + lost("receive_disconnected") - sent_in;
        assert_eq!(lost("transmitted"), device.output().taken.len());
        assert_eq!(
            written,
            lost("transmitted")
                + looped
                + device.output_pending()
                + lost("transmit_overrun")
                + lost("transmit_discarded"),
            "seed {seed}"
        );
        assert_eq!(
            lost("received"),
            read + usize::from(device.state(Instant::EPOCH).rx.len)
                + lost("receive_overrun")
                + lost("receive_discarded"),
            "seed {seed}"
        );
    }
}
