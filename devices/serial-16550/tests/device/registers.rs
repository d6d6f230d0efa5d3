//! Register by register: values after reset, bits that do not exist, offsets that do not exist, the divisor latch.

use devstate_serial_16550::{Parity, SerialState, StopBits, spec};

use crate::support::{Guest, Mode, bench, busy_states, fifo_bench};

#[test]
fn after_power_on_every_register_reads_as_table_i_says() {
    let (mut device, line) = bench();
    let found: Vec<_> = (0..8).map(|offset| device.read(offset, 0)).collect();
    assert_eq!(found, [0, 0x00, 0x01, 0x00, 0x00, 0x60, 0xb0, 0x00]);
    device.write(spec::LCR, 0x80, 0);
    assert_eq!([device.read(0, 0), device.read(1, 0)], [12, 0]);
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
            device.write(register, value, 0);
            // The divisor latch hides IER.
            assert_eq!(device.read(register, 0), value & mask, "register {register}");
        }
    }
}

#[test]
fn the_line_and_modem_status_cannot_be_written() {
    let (mut device, _) = bench();
    for register in [spec::LSR, spec::MSR] {
        let before = device.state(0);
        for value in 0..=0xff {
            device.write(register, value, 0);
        }
        assert_eq!(device.state(0), before);
    }
    assert_eq!(device.events().count("invalid_write"), 512);
}

#[test]
fn fcr_and_iir_share_an_offset_without_seeing_each_other() {
    let (mut device, _) = bench();
    device.write(spec::FCR, 0xc9, 0);
    assert_eq!(device.read(spec::IIR, 0), 0xc1);
    device.write(spec::FCR, 0, 0);
    assert_eq!(device.read(spec::IIR, 0), 0x01);
}

#[test]
fn outside_of_the_block_the_bus_floats_high_and_writes_are_lost() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(b"x", 0), 1);
    let before = device.state(0);
    for offset in (8..=0xff).chain([0x100, 0x1000, 0xfff8, 0xffff]) {
        assert_eq!(device.read(offset, 0), 0xff, "offset {offset:#x}");
        device.write(offset, 0xff, 0);
    }
    assert_eq!(device.state(0), before);
    assert_eq!(device.events().count("invalid_read"), 252);
    assert_eq!(device.events().count("invalid_write"), 252);
}

#[test]
fn the_divisor_latch_covers_offsets_0_and_1_and_nothing_else() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(b"x", 0), 1);
    device.write(spec::LCR, 0x83, 0);
    device.write(spec::DLL, 0x34, 0);
    device.write(spec::DLM, 0x12, 0);
    assert_eq!([device.read(spec::DLL, 0), device.read(spec::DLM, 0)], [0x34, 0x12]);
    assert_eq!(device.line_parameters().divisor, 0x1234);
    assert_eq!(device.output().taken, [], "the divisor was not sent");
    assert_eq!(device.lsr(), 0x61);
    device.write(spec::LCR, 0x03, 0);
    assert_eq!(device.read(spec::IER, 0), 0x0d);
    assert_eq!(device.rbr(), b'x', "reading the divisor takes no character");
    device.write(spec::LCR, 0x80, 0);
    assert_eq!([device.read(spec::DLL, 0), device.read(spec::DLM, 0)], [0x34, 0x12]);
}

#[test]
fn the_frame_that_the_guest_programs_can_be_asked_for() {
    let (mut device, _) = bench();
    device.set_divisor(96);
    device.write(spec::LCR, 0x3e, 0);
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
    device.write(spec::LCR, 0x43, 0);
    assert!(device.break_output());
    device.thr(b'x');
    assert_eq!(device.output().taken, *b"x", "the transmitter's logic goes on");
    device.write(spec::MCR, 0x10, 0);
    assert!(!device.break_output());
    assert_eq!(device.lsr(), 0x60, "and loopback does not hear it");
    device.write(spec::MCR, 0, 0);
    device.write(spec::LCR, 0x03, 0);
    assert!(!device.break_output());
}

#[test]
fn a_master_reset_keeps_only_what_table_i_does_not_list() {
    for state in busy_states() {
        let (mut device, line) = bench();
        device.restore(&state, 0, devstate_core::Clock::Frozen).unwrap();
        device.output_mut().mode = Mode::Busy;
        device.reset(7);
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
            saved_at: 7,
            ..SerialState::RESET
        };
        assert_eq!(device.state(7), expected);
        assert!(!line.level());
        assert_eq!(device.events().count("receive_discarded"), usize::from(state.rx.len));
        let unsent = usize::from(state.tx.len) + usize::from(state.tsr.is_some());
        assert_eq!(device.events().count("transmit_discarded"), unsent);
    }
}
