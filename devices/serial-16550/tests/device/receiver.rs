//! Characters on their way in: both modes, errors one by one, overruns, back-pressure.

use devstate_core::Instant;
use devstate_serial_16550::{CharacterErrors, spec};

use crate::support::{Bench, Guest, bench, errors_of, fifo_bench};

fn read_all(device: &mut Bench) -> Vec<(u8, u8)> {
    let mut found = Vec::new();
    loop {
        let lsr = device.lsr();
        if lsr & 1 == 0 {
            return found;
        }
        found.push((lsr, device.rbr()));
    }
}

#[test]
fn sixteen_characters_come_out_as_they_went_in() {
    let (mut device, _) = fifo_bench();
    assert_eq!(device.receive(b"0123456789abcdefgh", Instant::EPOCH), 16);
    let characters: Vec<_> = read_all(&mut device).into_iter().map(|(_, byte)| byte).collect();
    assert_eq!(characters, b"0123456789abcdef");
    assert_eq!(device.events().count("receive_overrun"), 0);
    assert_eq!(device.events().count("receive_ready"), 1);
}

#[test]
fn capacity_is_exactly_what_receive_takes() {
    let (mut device, _) = fifo_bench();
    for taken in [3, 0, 13, 0] {
        assert_eq!(device.receive(&vec![0; taken], Instant::EPOCH), taken);
    }
    assert_eq!(
        (device.receive_capacity(), device.receive(b"x", Instant::EPOCH)),
        (0, 0)
    );
    device.rbr();
    assert_eq!(
        (device.receive_capacity(), device.receive(b"xy", Instant::EPOCH)),
        (1, 1)
    );
    device.write(spec::FCR, 0, Instant::EPOCH);
    assert_eq!(
        (device.receive_capacity(), device.receive(b"xy", Instant::EPOCH)),
        (1, 1)
    );
    assert_eq!(
        (device.receive_capacity(), device.receive(b"y", Instant::EPOCH)),
        (0, 0)
    );
    device.rbr();
    device.write(spec::MCR, 0x10, Instant::EPOCH);
    assert_eq!(
        (device.receive_capacity(), device.receive(b"y", Instant::EPOCH)),
        (0, 0)
    );
    assert_eq!(device.events().count("receive_overrun"), 0);
}

#[test]
fn an_empty_receiver_reads_zero_in_fifo_mode_and_the_last_character_in_16450_mode() {
    let (mut device, _) = bench();
    assert_eq!(device.rbr(), 0);
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    assert_eq!([device.rbr(), device.rbr()], [b'x', b'x']);
    device.write(spec::FCR, 1, Instant::EPOCH);
    assert_eq!(device.rbr(), 0);
    assert_eq!(device.receive(b"y", Instant::EPOCH), 1);
    assert_eq!([device.rbr(), device.rbr()], [b'y', 0]);
    device.write(spec::FCR, 0, Instant::EPOCH);
    assert_eq!(device.rbr(), b'x');
    assert_eq!(device.receive(b"z", Instant::EPOCH), 1);
    device.write(spec::FCR, 1, Instant::EPOCH);
    device.write(spec::FCR, 0, Instant::EPOCH);
    assert_eq!((device.lsr(), device.rbr()), (0x60, b'z'), "cleared unread");
}

#[test]
fn an_overrun_loses_the_new_character_in_fifo_mode() {
    let (mut device, line) = fifo_bench();
    device.write(spec::IER, 0x04, Instant::EPOCH);
    assert_eq!(device.receive(&[7; 16], Instant::EPOCH), 16);
    assert!(!line.level());
    device.receive_character(8, CharacterErrors::PARITY, Instant::EPOCH);
    assert!(
        line.level(),
        "shown as soon as it happens, not when a character comes to the top"
    );
    assert_eq!(device.lsr(), 0x63);
    assert_eq!(device.lsr(), 0x61);
    assert!(!line.level());
    assert_eq!(read_all(&mut device), [(0x61, 7); 16]);
    assert_eq!(device.events().count("receive_overrun"), 1);
}

#[test]
fn an_overrun_replaces_the_character_in_16450_mode() {
    let (mut device, _) = bench();
    assert_eq!(device.receive(b"x", Instant::EPOCH), 1);
    device.receive_character(b'y', CharacterErrors::FRAMING, Instant::EPOCH);
    assert_eq!(read_all(&mut device), [(0x6b, b'y')]);
    assert_eq!(device.events().count("receive_overrun"), 1);
}

#[test]
fn each_error_is_revealed_with_its_character_at_the_top() {
    let (mut device, line) = fifo_bench();
    device.write(spec::IER, 0x04, Instant::EPOCH);
    for number in 0..8 {
        device.receive_character(0x40 + number as u8, errors_of(number), Instant::EPOCH);
    }
    let mut expected = Vec::new();
    for number in 0..8 {
        let byte = if number & 4 == 0 { 0x40 + number as u8 } else { 0 };
        expected.push((0xe1 | errors_of(number).lsr_bits(), byte));
    }
    assert_eq!(read_all(&mut device), expected);
    assert_eq!(device.lsr(), 0x60);
    assert_eq!(line.take(), [true, false].repeat(7));
    assert_eq!(device.events().count("received_with_errors"), 7);
}

#[test]
fn lsr_bit_7_lasts_until_the_last_error_was_read() {
    let (mut device, _) = fifo_bench();
    device.receive_character(1, CharacterErrors::NONE, Instant::EPOCH);
    device.receive_character(2, CharacterErrors::PARITY, Instant::EPOCH);
    device.receive_character(3, CharacterErrors::NONE, Instant::EPOCH);
    assert_eq!(
        [device.lsr(), device.lsr()],
        [0xe1, 0xe1],
        "an error lies below the top"
    );
    device.rbr();
    assert_eq!([device.lsr(), device.lsr()], [0xe5, 0x61]);
    device.rbr();
    assert_eq!(device.lsr(), 0x61);
}

#[test]
fn unread_errors_stay_until_lsr_is_read() {
    let (mut device, _) = fifo_bench();
    device.receive_character(1, CharacterErrors::PARITY, Instant::EPOCH);
    device.receive_character(2, CharacterErrors::BREAK, Instant::EPOCH);
    device.rbr();
    device.rbr();
    assert_eq!([device.lsr(), device.lsr()], [0xf4, 0x60]);
}

#[test]
fn in_16450_mode_errors_show_at_once_and_bit_7_never() {
    let (mut device, _) = bench();
    for number in 0..8 {
        device.receive_character(9, errors_of(number), Instant::EPOCH);
        assert_eq!(device.lsr(), 0x61 | errors_of(number).lsr_bits());
        device.rbr();
    }
}

#[test]
fn a_break_is_one_zero_character() {
    for fifo in [0, 1] {
        let (mut device, _) = bench();
        device.write(spec::FCR, fifo, Instant::EPOCH);
        device.receive_break(Instant::EPOCH);
        let bit_7 = fifo << 7;
        assert_eq!(read_all(&mut device), [(0x71 | bit_7, 0)]);
        device.receive_character(0xff, CharacterErrors::BREAK | CharacterErrors::FRAMING, Instant::EPOCH);
        assert_eq!(read_all(&mut device), [(0x79 | bit_7, 0)]);
    }
}

#[test]
fn characters_from_outside_keep_their_eight_bits() {
    let (mut device, _) = bench();
    device.write(spec::LCR, 0x00, Instant::EPOCH);
    assert_eq!(device.receive(&[0xff], Instant::EPOCH), 1);
    assert_eq!(device.rbr(), 0xff);
}
