//! The interrupt: each source, its priority, what serves it, and the edges that a guest's access makes.

use devstate_core::Instant;
use devstate_serial_16550::{CharacterErrors, ModemLines, spec};

use crate::support::{Bench, Guest, Mode, TIMEOUT, bench, errors_of, fifo_bench};

/// A device on which all sources but the time-out are pending, in 16450 mode.
fn everything_pending() -> Bench {
    let (mut device, _) = bench();
    device.receive_character(b'x', CharacterErrors::PARITY, Instant::EPOCH);
    device.set_modem_lines(ModemLines::DISCONNECTED, Instant::EPOCH);
    device.write(spec::IER, 0x0f, Instant::EPOCH);
    device
}

#[test]
fn every_combination_of_enables_and_sources_gives_one_id_by_priority() {
    for sources in 0..16u8 {
        for enables in 0..16u8 {
            let (mut device, line) = bench();
            device.output_mut().mode = Mode::Busy;
            if sources & 4 != 0 {
                device.receive_character(b'e', errors_of(1 << (enables % 3)), Instant::EPOCH);
                device.rbr();
            }
            if sources & 1 != 0 {
                assert_eq!(device.receive(b"d", Instant::EPOCH), 1);
            }
            if sources & 2 == 0 {
                device.thr(b'1');
                device.thr(b'2');
            }
            if sources & 8 != 0 {
                device.set_modem_lines(ModemLines::DISCONNECTED, Instant::EPOCH);
            }
            device.write(spec::IER, enables, Instant::EPOCH);
            let pending = sources & enables;
            let expected = match pending {
                _ if pending & 4 != 0 => 0x06,
                _ if pending & 1 != 0 => 0x04,
                _ if pending & 2 != 0 => 0x02,
                _ if pending & 8 != 0 => 0x00,
                _ => 0x01,
            };
            assert_eq!(line.level(), expected != 1);
            assert_eq!(
                device.read(spec::IIR, Instant::EPOCH),
                expected,
                "sources {sources:#b}, enables {enables:#b}"
            );
        }
    }
}

#[test]
fn sources_are_served_one_after_the_other() {
    let mut device = everything_pending();
    assert_eq!(device.id(), 0x06);
    assert_eq!(device.lsr(), 0x65);
    assert_eq!(device.id(), 0x04);
    assert_eq!(device.rbr(), b'x');
    assert_eq!(device.id(), 0x02);
    assert_eq!(device.id(), 0x00, "reading IIR served the transmitter");
    assert_eq!(device.msr(), 0x0b);
    assert_eq!(device.id(), 0x01);
}

#[test]
fn reading_iir_serves_the_transmitter_only_where_it_was_the_source_reported() {
    let mut device = everything_pending();
    for _ in 0..3 {
        assert_eq!(device.id(), 0x06);
    }
    device.lsr();
    for _ in 0..3 {
        assert_eq!(device.id(), 0x04);
    }
    device.rbr();
    assert_eq!([device.id(), device.id()], [0x02, 0x00]);
}

#[test]
fn reading_iir_serves_nothing_else() {
    let (mut device, line) = fifo_bench();
    device.set_modem_lines(ModemLines::DISCONNECTED, Instant::EPOCH);
    assert_eq!([device.id(), device.id()], [0x00, 0x00]);
    assert_eq!(device.receive(&[0; 8], Instant::EPOCH), 8);
    assert_eq!([device.id(), device.id()], [0x04, 0x04]);
    device.receive_character(0, CharacterErrors::FRAMING, Instant::EPOCH);
    for _ in 0..8 {
        device.rbr();
    }
    assert_eq!([device.id(), device.id()], [0x06, 0x06]);
    assert_eq!(line.take(), [true]);
}

#[test]
fn enabling_the_transmitter_interrupt_raises_it_even_after_iir_was_read() {
    let (mut device, line) = bench();
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!([device.id(), device.id()], [0x02, 0x01]);
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!(device.id(), 0x01, "the same value again changes nothing");
    device.write(spec::IER, 0x03, Instant::EPOCH);
    assert_eq!(device.id(), 0x01, "nor do other bits");
    device.write(spec::IER, 0x00, Instant::EPOCH);
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!(device.id(), 0x02);
    assert_eq!(line.take(), [true, false, true, false]);
}

#[test]
fn enabling_it_while_thr_is_full_raises_nothing() {
    let (mut device, line) = bench();
    device.output_mut().mode = Mode::Busy;
    device.thr(1);
    device.thr(2);
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!(device.id(), 0x01);
    device.output_mut().mode = Mode::Ready;
    device.drain_output(Instant::EPOCH);
    assert_eq!(line.take(), [true]);
    assert_eq!(device.id(), 0x02);
}

#[test]
fn disabling_it_forgets_it() {
    let (mut device, _) = bench();
    device.write(spec::IER, 0x02, Instant::EPOCH);
    device.output_mut().mode = Mode::Busy;
    device.thr(1);
    device.write(spec::IER, 0x00, Instant::EPOCH);
    device.thr(2);
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!(device.id(), 0x01);
}

#[test]
fn a_character_that_leaves_at_once_does_not_move_the_line() {
    let (mut device, line) = bench();
    device.write(spec::IER, 0x02, Instant::EPOCH);
    assert_eq!(line.take(), [true]);
    device.thr(b'a');
    assert_eq!(line.take(), [], "it is pending again within the access");
    assert_eq!(device.id(), 0x02);
    assert_eq!(line.take(), [false]);
    device.thr(b'b');
    assert_eq!(line.take(), [true], "after IIR was read there is a rise");
}

#[test]
fn writing_thr_does_not_touch_a_line_that_another_source_holds() {
    let (mut device, line) = bench();
    device.write(spec::IER, 0x03, Instant::EPOCH);
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    line.take();
    device.thr(b'a');
    assert_eq!(line.take(), []);
}

#[test]
fn received_data_is_pending_from_the_trigger_level_on() {
    for (trigger, level) in [(0x01, 1), (0x41, 4), (0x81, 8), (0xc1, 14)] {
        let (mut device, line) = fifo_bench();
        device.write(spec::FCR, trigger, Instant::EPOCH);
        for count in 1..=16 {
            assert_eq!(device.receive(&[count], Instant::EPOCH), 1);
            assert_eq!(line.level(), count >= level, "{count} at trigger {level}");
            let expected = if count >= level { 0xc4 } else { 0xc1 };
            assert_eq!(device.read(spec::IIR, Instant::EPOCH), expected);
        }
        for left in (0..16).rev() {
            device.rbr();
            assert_eq!(line.level(), left >= level, "{left} at trigger {level}");
        }
    }
}

#[test]
fn changing_the_trigger_level_moves_the_line_at_once() {
    let (mut device, line) = fifo_bench();
    assert_eq!(device.receive(&[0; 5], Instant::EPOCH), 5);
    assert!(!line.level());
    device.write(spec::FCR, 0x41, Instant::EPOCH);
    assert!(line.level());
    device.write(spec::FCR, 0xc1, Instant::EPOCH);
    assert!(!line.level());
}

#[test]
fn in_16450_mode_every_character_is_pending() {
    let (mut device, line) = bench();
    device.write(spec::IER, 0x01, Instant::EPOCH);
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    assert_eq!(device.read(spec::IIR, Instant::EPOCH), 0x04);
    device.rbr();
    assert_eq!(line.take(), [true, false]);
}

#[test]
fn a_time_out_is_shown_above_received_data_and_below_line_status() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(&[0; 8], Instant::EPOCH), 8);
    assert_eq!(device.id(), 0x04);
    device.advance(Instant::from_nanos(TIMEOUT));
    assert_eq!(device.read(spec::IIR, Instant::from_nanos(TIMEOUT)), 0xcc);
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    device.write(spec::FCR, 0x81, Instant::EPOCH);
    for _ in 0..9 {
        device.thr(0);
    }
    assert_eq!(device.lsr() & 0x02, 0x02, "overrun");
    assert_eq!(device.id(), 0x0c);
}

#[test]
fn line_status_is_served_by_reading_lsr_only() {
    let (mut device, line) = bench();
    device.write(spec::IER, 0x04, Instant::EPOCH);
    device.receive_character(b'x', CharacterErrors::FRAMING, Instant::EPOCH);
    device.rbr();
    assert!(line.level(), "reading the character is not enough");
    assert_eq!([device.lsr(), device.lsr()], [0x68, 0x60]);
    assert!(!line.level());
}

#[test]
fn out2_does_not_gate_the_interrupt_inside_the_chip() {
    let (mut device, line) = bench();
    device.write(spec::IER, 0x02, Instant::EPOCH);
    for mcr in 0..16 {
        device.write(spec::MCR, mcr, Instant::EPOCH);
        assert!(line.level());
        assert_eq!(device.modem_outputs().out2, mcr & 8 != 0);
    }
}

#[test]
fn the_line_is_driven_on_changes_only() {
    let (mut device, line) = fifo_bench();
    assert_eq!(device.receive(&[0; 16], Instant::EPOCH), 16);
    for _ in 0..9 {
        device.rbr();
    }
    assert_eq!(line.take(), [true, false]);
    assert!(!device.interrupt_level());
}
