//! The FIFO control register: what sticks, what clears, and what is ignored while the FIFOs are off.

use devstate_core::Instant;
use devstate_serial_16550::{CharacterErrors, spec};

use crate::support::{Guest, Mode, bench, fifo_bench};

#[test]
fn only_enable_dma_mode_and_trigger_stick_and_only_while_enabled() {
    let (mut device, _) = bench();
    for value in 0..=0xff {
        device.write(spec::FCR, value, Instant::EPOCH);
        let expected = if value & 1 == 0 { 0 } else { value & 0xc9 };
        assert_eq!(device.state(Instant::EPOCH).fcr, expected, "FCR {value:#x}");
        assert_eq!(
            device.read(spec::IIR, Instant::EPOCH),
            if value & 1 == 0 { 0x01 } else { 0xc1 }
        );
    }
}

#[test]
fn clearing_the_receiver_loses_its_characters_and_their_errors_but_no_overrun() {
    let (mut device, line) = fifo_bench();
    device.receive_character(1, CharacterErrors::PARITY, Instant::EPOCH);
    for _ in 0..16 {
        device.receive_character(2, CharacterErrors::FRAMING, Instant::EPOCH);
    }
    assert!(device.next_deadline().is_some());
    device.write(spec::FCR, 0x83, Instant::EPOCH);
    assert_eq!(device.next_deadline(), None);
    assert!(line.level());
    assert_eq!(device.lsr(), 0x62);
    assert!(!line.level());
    assert_eq!(device.rbr(), 0);
    assert_eq!(device.events().count("receive_discarded"), 16);
    assert_eq!(device.events().count("receive_overrun"), 1);
}

#[test]
fn clearing_one_direction_leaves_the_other() {
    let (mut device, _) = fifo_bench();
    device.output_mut().mode = Mode::Busy;
    for byte in b"abc" {
        device.thr(*byte);
    }
    assert_eq!(device.receive(b"xyz", Instant::EPOCH), 3);
    device.write(spec::FCR, 0x83, Instant::EPOCH);
    assert_eq!(
        (
            device.state(Instant::EPOCH).rx.as_slice(),
            device.state(Instant::EPOCH).tx.as_slice()
        ),
        (&[][..], &b"bc"[..])
    );
    assert_eq!(device.receive(b"xyz", Instant::EPOCH), 3);
    device.write(spec::FCR, 0x85, Instant::EPOCH);
    assert_eq!(
        (
            device.state(Instant::EPOCH).rx.as_slice(),
            device.state(Instant::EPOCH).tx.as_slice()
        ),
        (&b"xyz"[..], &[][..])
    );
}

#[test]
fn clearing_the_transmitter_leaves_the_shift_register() {
    let (mut device, _) = fifo_bench();
    device.output_mut().mode = Mode::Busy;
    for byte in b"abc" {
        device.thr(*byte);
    }
    assert_eq!(device.lsr(), 0x00);
    device.write(spec::FCR, 0x85, Instant::EPOCH);
    assert_eq!(device.lsr(), 0x20);
    assert_eq!(device.events().count("transmit_discarded"), 2);
    device.output_mut().mode = Mode::Ready;
    assert_eq!(device.drain_output(Instant::EPOCH), 1);
    assert_eq!(device.output().taken, b"a");
    assert_eq!(device.lsr(), 0x60);
}

#[test]
fn clearing_the_transmitter_makes_its_interrupt() {
    let (mut device, _) = fifo_bench();
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!([device.id(), device.id()], [0x02, 0x01]);
    device.write(spec::FCR, 0x85, Instant::EPOCH);
    assert_eq!([device.id(), device.id()], [0x02, 0x01]);
    device.write(spec::FCR, 0x81, Instant::EPOCH);
    assert_eq!(device.id(), 0x01);
}

#[test]
fn turning_the_fifos_on_or_off_clears_both_and_makes_the_transmitters_interrupt() {
    for (first, second) in [(0, 1), (1, 0)] {
        let (mut device, _) = bench();
        device.write(spec::FCR, first, Instant::EPOCH);
        device.write(spec::IER, 0x02, Instant::EPOCH);
        device.output_mut().mode = Mode::Busy;
        for byte in b"ab" {
            device.thr(*byte);
        }
        assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
        assert_eq!(device.id(), 0x01);
        device.write(spec::FCR, second, Instant::EPOCH);
        assert_eq!(device.lsr(), 0x20);
        assert_eq!(device.id(), 0x02, "immediate after changing bit 0");
        assert_eq!(device.events().count("receive_discarded"), 1);
        assert_eq!(device.events().count("transmit_discarded"), 1);
    }
}

#[test]
fn while_the_fifos_are_off_nothing_else_is_programmed() {
    let (mut device, _) = bench();
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!(device.id(), 0x02);
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    device.write(spec::FCR, 0xfe, Instant::EPOCH);
    assert_eq!(device.id(), 0x01, "the transmitter was not cleared");
    assert_eq!((device.lsr(), device.rbr()), (0x61, b'x'));
    device.write(spec::FCR, 0x01, Instant::EPOCH);
    device.write(spec::IER, 0x01, Instant::EPOCH);
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    assert_eq!(device.id(), 0x04, "trigger level 1, not 14");
}

#[test]
fn enabling_again_clears_nothing() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    device.write(spec::FCR, 0x41, Instant::EPOCH);
    assert_eq!(device.rbr(), b'x');
}
