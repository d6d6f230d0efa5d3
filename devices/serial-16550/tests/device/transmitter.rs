//! Characters on their way out: a ready output, one that stalls, one that fails.

use devstate_core::Instant;
use devstate_serial_16550::spec;

use crate::support::{Guest, Mode, bench, fifo_bench};

const STALLS: [Mode; 4] = [Mode::Busy, Mode::TakesNothing, Mode::FailsToWrite, Mode::FailsToSay];

#[test]
fn a_ready_output_takes_the_character_within_the_access() {
    for fcr in [0, 1] {
        let (mut device, _) = bench();
        device.write(spec::FCR, fcr, Instant::EPOCH);
        device.events().clear();
        for byte in 0..=0xff {
            device.thr(byte);
            assert_eq!(device.output().taken.last(), Some(&byte));
            assert_eq!(device.lsr(), 0x60);
        }
        assert_eq!(device.events().all(), [("transmitted", 256)]);
    }
}

#[test]
fn nothing_is_lost_while_the_output_stalls_or_fails() {
    for mode in STALLS {
        let (mut device, _) = fifo_bench();
        device.output_mut().mode = mode;
        // The shift register and sixteen places.
        for byte in 0..17 {
            device.thr(byte);
        }
        assert_eq!(device.output_pending(), 17);
        assert_eq!(device.drain_output(Instant::EPOCH), 0);
        device.output_mut().mode = Mode::Ready;
        assert_eq!(device.drain_output(Instant::EPOCH), 17);
        assert_eq!(device.output().taken, (0..17).collect::<Vec<_>>());
        assert_eq!(device.output_pending(), 0);
        assert_eq!(device.lsr(), 0x60);
        let event = if matches!(mode, Mode::Busy | Mode::TakesNothing) {
            "output_stalled"
        } else {
            "output_failed"
        };
        assert_eq!(device.events().all(), [(event, 18), ("transmitted", 17)], "{mode:?}");
    }
}

#[test]
fn thre_and_temt_say_what_holds_characters_in_fifo_mode() {
    let (mut device, _) = fifo_bench();
    device.output_mut().mode = Mode::Busy;
    device.thr(1);
    assert_eq!(device.lsr(), 0x20, "in the shift register; the FIFO is empty");
    device.thr(2);
    assert_eq!(device.lsr(), 0x00, "in the FIFO");
    device.output_mut().mode = Mode::Ready;
    device.drain_output(Instant::EPOCH);
    assert_eq!(device.lsr(), 0x60);
}

#[test]
fn thre_and_temt_say_what_holds_characters_in_16450_mode() {
    let (mut device, _) = bench();
    device.output_mut().mode = Mode::Busy;
    device.thr(1);
    assert_eq!(
        device.lsr(),
        0x20,
        "in the shift register; the holding register is free"
    );
    device.thr(2);
    assert_eq!(device.lsr(), 0x00);
    device.thr(3);
    assert_eq!(
        device.events().count("transmit_overrun"),
        1,
        "a register holds the last value written"
    );
    device.output_mut().mode = Mode::Ready;
    assert_eq!(device.drain_output(Instant::EPOCH), 2);
    assert_eq!(device.output().taken, [1, 3]);
}

#[test]
fn the_interrupt_comes_when_the_fifo_runs_empty_not_when_the_shift_register_does() {
    let (mut device, line) = fifo_bench();
    device.output_mut().mode = Mode::Busy;
    device.write(spec::IER, 0x02, Instant::EPOCH);
    line.take();
    device.thr(1);
    assert_eq!(line.take(), [], "the first goes straight to the shift register");
    device.thr(2);
    assert_eq!(line.take(), [false]);
    device.drain_output(Instant::EPOCH);
    assert_eq!(line.take(), []);
    device.output_mut().mode = Mode::Ready;
    device.drain_output(Instant::EPOCH);
    assert_eq!(line.take(), [true]);
    assert_eq!(device.id(), 0x02);
    device.output_mut().mode = Mode::Busy;
    device.thr(3);
    assert_eq!(device.id(), 0x02);
    device.output_mut().mode = Mode::Ready;
    device.drain_output(Instant::EPOCH);
    assert_eq!(device.id(), 0x01, "THR was empty all along");
}

#[test]
fn a_driver_that_waits_for_thre_never_overwrites() {
    let (mut device, _) = fifo_bench();
    let mut written = Vec::new();
    for round in 0..50 {
        device.output_mut().mode = STALLS[round % 4];
        if device.lsr() & 0x20 != 0 {
            for byte in 0..16 {
                device.thr(byte);
                written.push(byte);
            }
        }
        if round % 3 == 0 {
            device.output_mut().mode = Mode::Ready;
            device.drain_output(Instant::EPOCH);
        }
    }
    device.output_mut().mode = Mode::Ready;
    device.drain_output(Instant::EPOCH);
    assert_eq!(device.output().taken, written);
    assert_eq!(device.events().count("transmit_overrun"), 0);
}

#[test]
fn writing_to_a_full_fifo_loses_the_new_character_and_counts_it() {
    let (mut device, _) = fifo_bench();
    device.output_mut().mode = Mode::Busy;
    for byte in 0..20 {
        device.thr(byte);
    }
    assert_eq!(device.events().count("transmit_overrun"), 3);
    device.output_mut().mode = Mode::Ready;
    assert_eq!(device.drain_output(Instant::EPOCH), 17);
    assert_eq!(device.output().taken, (0..17).collect::<Vec<_>>());
}

#[test]
fn the_next_write_tries_again_by_itself_and_keeps_the_order() {
    for mode in STALLS {
        let (mut device, _) = fifo_bench();
        device.output_mut().mode = mode;
        for byte in b"abc" {
            device.thr(*byte);
        }
        device.output_mut().mode = Mode::Ready;
        device.thr(b'd');
        assert_eq!(device.output().taken, b"abcd");
        assert_eq!(device.lsr(), 0x60);
    }
}

#[test]
fn nothing_else_offers_characters_to_the_output() {
    let (mut device, _) = fifo_bench();
    device.output_mut().mode = Mode::Busy;
    device.thr(b'a');
    device.output_mut().mode = Mode::Ready;
    for register in 1..8 {
        device.read(register, Instant::EPOCH);
    }
    device.advance(Instant::from_nanos(1_000_000));
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    assert_eq!(device.output().taken, b"");
    assert_eq!(device.drain_output(Instant::EPOCH), 1);
}
