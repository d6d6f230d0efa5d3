//! Loopback: the transmitter hears itself, the modem's outputs are its inputs, and the outside is cut off.

use devstate_core::Instant;
use devstate_serial_16550::{CharacterErrors, ModemLines, ModemOutputs, spec};

use crate::support::{Guest, Mode, TIMEOUT, bench, fifo_bench};

#[test]
fn sent_characters_are_received_and_do_not_leave() {
    for fcr in [0, 1] {
        let (mut device, _) = bench();
        device.write(spec::LCR, 0x03, Instant::EPOCH);
        device.write(spec::FCR, fcr, Instant::EPOCH);
        device.write(spec::MCR, 0x10, Instant::EPOCH);
        for byte in 0..=0xff {
            device.thr(byte);
            assert_eq!(device.lsr(), 0x61);
            assert_eq!(device.rbr(), byte);
        }
        assert_eq!(device.output().taken, []);
    }
}

#[test]
fn the_word_length_is_what_comes_round() {
    for (lcr, expected) in [(0, 0x1f), (1, 0x3f), (2, 0x7f), (3, 0xff)] {
        let (mut device, _) = bench();
        device.write(spec::LCR, lcr, Instant::EPOCH);
        device.write(spec::MCR, 0x10, Instant::EPOCH);
        device.thr(0xff);
        assert_eq!(device.rbr(), expected, "LCR {lcr}");
    }
}

#[test]
fn it_fills_and_overruns_the_receiver() {
    let (mut device, line) = fifo_bench();
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    for byte in 0..16 {
        device.thr(byte);
    }
    assert_eq!(device.lsr(), 0x61);
    assert!(line.level(), "received data");
    device.thr(16);
    assert_eq!(device.lsr(), 0x63);
    for byte in 0..16 {
        assert_eq!(device.rbr(), byte);
    }
}

#[test]
fn its_characters_time_out() {
    let (mut device, _) = fifo_bench();
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    device.msr();
    device.thr(b'x');
    assert_eq!(device.id(), 0x01);
    assert_eq!(device.read(spec::IIR, Instant::from_nanos(TIMEOUT)), 0xcc);
}

#[test]
fn the_transmitters_interrupt_works() {
    let (mut device, _) = bench();
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!([device.id(), device.id()], [0x02, 0x01]);
    device.thr(0);
    assert_eq!([device.id(), device.id()], [0x02, 0x01]);
}

#[test]
fn the_outside_is_cut_off() {
    let (mut device, _) = bench();
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    device.msr();
    assert_eq!(device.receive(b"x", Instant::EPOCH), 0);
    device.receive_character(b'x', CharacterErrors::FRAMING, Instant::EPOCH);
    device.receive_break(Instant::EPOCH);
    device.set_modem_lines(ModemLines::DISCONNECTED, Instant::EPOCH);
    assert_eq!((device.lsr(), device.msr()), (0x60, 0x00));
    assert_eq!(device.events().all(), [("receive_disconnected", 2)]);
    device.write(spec::MCR, 0x1f, Instant::EPOCH);
    assert_eq!(device.modem_outputs(), ModemOutputs::default());
}

#[test]
fn the_modems_outputs_are_its_inputs() {
    let (mut device, _) = bench();
    for (mcr, msr) in [
        (0x11, 0x20),
        (0x12, 0x10),
        (0x14, 0x40),
        (0x18, 0x80),
        (0x1f, 0xf0),
        (0x10, 0x00),
    ] {
        device.write(spec::MCR, mcr, Instant::EPOCH);
        assert_eq!(device.msr() & 0xf0, msr, "MCR {mcr:#x}");
    }
}

#[test]
fn their_changes_set_deltas_and_interrupt() {
    let (mut device, line) = bench();
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    device.msr();
    device.write(spec::IER, 0x08, Instant::EPOCH);
    for (mcr, msr) in [
        (0x11, 0x22),
        (0x13, 0x31),
        (0x17, 0x70), // A ring begins: no delta.
        (0x1f, 0xf8),
        (0x1b, 0xb4), // It ends: the trailing edge.
        (0x1a, 0x92),
        (0x18, 0x81),
        (0x10, 0x08),
        (0x1f, 0xfb),
        (0x10, 0x0f),
    ] {
        device.write(spec::MCR, mcr, Instant::EPOCH);
        assert_eq!(line.level(), msr & 0x0f != 0, "MCR {mcr:#x}");
        assert_eq!(device.msr(), msr, "MCR {mcr:#x}");
        assert!(!line.level());
    }
}

#[test]
fn entering_and_leaving_change_the_inputs_too() {
    let (mut device, _) = bench();
    device.write(spec::MCR, 0x1a, Instant::EPOCH);
    assert_eq!(device.msr(), 0x92, "DSR was on outside, and DTR is off");
    device.write(spec::MCR, 0x00, Instant::EPOCH);
    assert_eq!(device.msr(), 0xb2);
    assert_eq!(device.msr(), 0xb0);
}

#[test]
fn stalled_output_is_received_when_loopback_begins() {
    let (mut device, line) = fifo_bench();
    device.output_mut().mode = Mode::Busy;
    for byte in b"abc" {
        device.thr(*byte);
    }
    device.write(spec::IER, 0x02, Instant::EPOCH);
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    assert_eq!(device.state(Instant::EPOCH).rx.as_slice(), b"abc");
    assert_eq!((device.lsr(), device.output_pending()), (0x61, 0));
    assert_eq!(line.take(), [true]);
    assert_eq!(device.id(), 0x02);
}
