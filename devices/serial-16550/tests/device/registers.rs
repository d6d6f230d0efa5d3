//! Register by register: values after reset, bits that do not exist, offsets that do not exist, the divisor latch.

use devstate_core::Instant;
use devstate_serial_16550::{Parity, SerialState, StopBits, spec};

use crate::support::{Guest, Mode, bench, busy_states, fifo_bench};

#[test]
fn after_power_on_every_register_reads_as_table_i_says() {
    let (mut device, line) = bench();
    let found: Vec<_> = (0..8).map(|offset| device.read(offset, Instant::EPOCH)).collect();
    assert_eq!(found, [0, 0x00, 0x01, 0x00, 0x00, 0x60, 0xb0, 0x00]);
    device.write(spec::LCR, 0x80, Instant::EPOCH);
    assert_eq!(
        [device.read(0, Instant::EPOCH), device.read(1, Instant::EPOCH)],
        [12, 0]
    );
    assert_eq!(line.take(), [], "a new device does not touch its line");
    assert_eq!(SerialState::default(), SerialState::RESET);
}

#[test]
fn bits_that_do_not_exist_stay_zero() {
    let (mut device, _) = bench();
    for (register, mask) in [
        (spec::IER, 0x0f),
        (spec::LCR, 0xff),
        (spec::MCR, 0x1f),
        (spec::SCR, 0xff),
    ] {
        for value in (0..=0xff).rev() {
            device.write(register, value, Instant::EPOCH);
            // The divisor latch hides IER.
            assert_eq!(
                device.read(register, Instant::EPOCH),
                value & mask,
                "register {register}"
            );
        }
    }
}

#[test]
fn the_line_and_modem_status_cannot_be_written() {
    let (mut device, _) = bench();
    for register in [spec::LSR, spec::MSR] {
        let before = device.state(Instant::EPOCH);
        for value in 0..=0xff {
            device.write(register, value, Instant::EPOCH);
        }
        assert_eq!(device.state(Instant::EPOCH), before);
    }
    assert_eq!(device.events().count("invalid_write"), 512);
}

#[test]
fn fcr_and_iir_share_an_offset_without_seeing_each_other() {
    let (mut device, _) = bench();
    device.write(spec::FCR, 0xc9, Instant::EPOCH);
    assert_eq!(device.read(spec::IIR, Instant::EPOCH), 0xc1);
    device.write(spec::FCR, 0, Instant::EPOCH);
    assert_eq!(device.read(spec::IIR, Instant::EPOCH), 0x01);
}

#[test]
fn outside_of_the_block_the_bus_floats_high_and_writes_are_lost() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    let before = device.state(Instant::EPOCH);
    for offset in (8..=0xff).chain([0x100, 0x1000, 0xfff8, 0xffff]) {
        assert_eq!(device.read(offset, Instant::EPOCH), 0xff, "offset {offset:#x}");
        device.write(offset, 0xff, Instant::EPOCH);
    }
    assert_eq!(device.state(Instant::EPOCH), before);
    assert_eq!(device.events().count("invalid_read"), 252);
    assert_eq!(device.events().count("invalid_write"), 252);
}

#[test]
fn the_divisor_latch_covers_offsets_0_and_1_and_nothing_else() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    device.write(spec::LCR, 0x83, Instant::EPOCH);
    device.write(spec::DLL, 0x34, Instant::EPOCH);
    device.write(spec::DLM, 0x12, Instant::EPOCH);
    assert_eq!(
        [
            device.read(spec::DLL, Instant::EPOCH),
            device.read(spec::DLM, Instant::EPOCH)
        ],
        [0x34, 0x12]
    );
    assert_eq!(device.line_parameters().divisor, 0x1234);
    assert_eq!(device.output().taken, [], "the divisor was not sent");
    assert_eq!(device.lsr(), 0x61);
    device.write(spec::LCR, 0x03, Instant::EPOCH);
    assert_eq!(device.read(spec::IER, Instant::EPOCH), 0x0d);
    assert_eq!(device.rbr(), b'x', "reading the divisor takes no character");
    device.write(spec::LCR, 0x80, Instant::EPOCH);
    assert_eq!(
        [
            device.read(spec::DLL, Instant::EPOCH),
            device.read(spec::DLM, Instant::EPOCH)
        ],
        [0x34, 0x12]
    );
}

#[test]
fn the_frame_that_the_guest_programs_can_be_read() {
    let (mut device, _) = bench();
    device.set_divisor(96);
    device.write(spec::LCR, 0x3e, Instant::EPOCH);
    let line = device.line_parameters();
    assert_eq!(line.baud_rate(), 1_200);
    assert_eq!(
        (line.data_bits, line.parity, line.stop_bits),
        (7, Parity::Space, StopBits::Two)
    );
}

#[test]
fn a_break_is_seen_outside_except_in_loopback() {
    let (mut device, _) = bench();
    assert!(!device.break_output());
    device.write(spec::LCR, 0x43, Instant::EPOCH);
    assert!(device.break_output());
    device.thr(b'x');
    assert_eq!(device.output().taken, *b"x", "the transmitter's logic goes on");
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    assert!(!device.break_output());
    assert_eq!(device.lsr(), 0x60, "and loopback does not hear it");
    device.write(spec::MCR, 0, Instant::EPOCH);
    device.write(spec::LCR, 0x03, Instant::EPOCH);
    assert!(!device.break_output());
}

#[test]
fn a_master_reset_keeps_only_what_table_i_does_not_list() {
    for state in busy_states() {
        let (mut device, line) = bench();
        device
            .restore(&state, Instant::EPOCH, devstate_core::Clock::Frozen)
            .unwrap();
        device.output_mut().mode = Mode::Busy;
        device.reset(Instant::from_nanos(7));
        let unread_in_rbr = if state.fcr == 0 && state.rx.len == 1 {
            state.rx.bytes[0]
        } else {
            state.rbr
        };
        let expected = SerialState {
            divisor: state.divisor,
            scr: state.scr,
            rbr: unread_in_rbr,
            msr_lines: state.msr_lines,
            saved_at: Instant::from_nanos(7),
            ..SerialState::RESET
        };
        assert_eq!(device.state(Instant::from_nanos(7)), expected);
        assert!(!line.level());
        assert_eq!(device.events().count("receive_discarded"), usize::from(state.rx.len));
        let unsent = usize::from(state.tx.len) + usize::from(state.tsr.is_some());
        assert_eq!(device.events().count("transmit_discarded"), unsent);
    }
}
