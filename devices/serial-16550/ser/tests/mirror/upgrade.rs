//! From version 1: registers that follow from others are reconciled with them, or refused.

use std::cell::Cell;

use devstate_serial_16550::{Instant, SerialState};
use devstate_serial_16550_ser::{SerialStateSer, VmSuperioSerialState};
use devstate_versioning::{ConversionError, LoadError, LoadErrorKind, ReleaseTable};

use crate::support::{Release, restored};

/// Divisor, IER, IIR, LCR, LSR, MCR, MSR, scratch, two characters: as version 1 writes them.
const V1: [u8; 12] = [12, 0, 0x05, 0x04, 0x03, 0x61, 0x0b, 0xb0, 0x5a, 2, b'h', b'i'];

fn loaded(bytes: &[u8]) -> Result<SerialStateSer, ConversionError> {
    let mut mirror = SerialStateSer::default();
    match Release::V1.decode(bytes, &mut mirror) {
        Ok(()) => Ok(mirror),
        Err(LoadError {
            kind: LoadErrorKind::Conversion(error),
            offset: None,
        }) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

fn with(index: usize, value: u8) -> Result<SerialStateSer, ConversionError> {
    let mut bytes = V1;
    bytes[index] = value;
    loaded(&bytes)
}

const IER: usize = 2;
const IIR: usize = 3;
const LSR: usize = 5;
const MCR: usize = 6;
const MSR: usize = 7;

#[test]
fn a_version_1_guest_finds_its_uart() {
    let mirror = loaded(&V1).unwrap();
    let state = SerialState::try_from(&mirror).unwrap();
    let line = Cell::new(false);
    let mut device = restored(&state, &line);
    assert!(line.get());
    let registers: Vec<_> = (1..8).map(|offset| device.read(offset, Instant::EPOCH)).collect();
    assert_eq!(registers, [0x05, 0xc4, 0x03, 0x0b, 0x61, 0xb0, 0x5a]);
    assert_eq!([device.read(0, Instant::EPOCH), device.read(0, Instant::EPOCH)], *b"hi");
    assert!(!line.get());
    assert_eq!(device.line_parameters().baud_rate(), 9_600);
}

#[test]
fn the_fifos_are_on_and_the_time_out_begins_anew() {
    let mirror = loaded(&V1).unwrap();
    assert_eq!(mirror.fifo_control, 0x01);
    assert_eq!(mirror.timeout_remaining, 4_166_667);
    assert_eq!(mirror.saved_at, 0);
    let mut empty = V1[..10].to_vec();
    empty[9] = 0;
    assert_eq!(loaded(&empty).unwrap().timeout_remaining, 0);
}

#[test]
fn received_data_follows_from_the_characters_whatever_iir_and_lsr_say() {
    for iir in [0x01, 0x04, 0x00, 0xc1, 0xc4] {
        for lsr in [0x60, 0x61] {
            let mut bytes = V1;
            bytes[IIR] = iir;
            bytes[LSR] = lsr;
            let line = Cell::new(false);
            let state = SerialState::try_from(&loaded(&bytes).unwrap()).unwrap();
            let mut device = restored(&state, &line);
            assert_eq!(
                (device.read(2, Instant::EPOCH), device.read(5, Instant::EPOCH)),
                (0xc4, 0x61),
                "{iir:#x}, {lsr:#x}"
            );
        }
    }
}

#[test]
fn the_transmitters_interrupt_is_kept_where_it_is_enabled() {
    for (ier, iir, pending) in [
        (0x07, 0x06, true),
        (0x07, 0x02, true),
        (0x07, 0x04, false),
        (0x05, 0x06, false),
        (0x02, 0xc2, true),
    ] {
        let mut bytes = V1;
        bytes[IER] = ier;
        bytes[IIR] = iir;
        let mirror = loaded(&bytes).unwrap();
        assert_eq!(mirror.thr_interrupt_pending, pending, "IER {ier:#x}, IIR {iir:#x}");
        assert_eq!(SerialState::try_from(&mirror).unwrap().thre_pending, pending);
    }
}

#[test]
fn an_iir_that_contradicts_itself_is_refused() {
    for iir in 0..=0xff_u8 {
        let sources = iir & 0x3f;
        let expected = match sources {
            0x00 | 0x01 | 0x02 | 0x04 | 0x06 => None,
            0x03 | 0x05 | 0x07 => Some("IIR shows both a pending interrupt and none"),
            _ => Some("IIR names a source that version 1 did not have"),
        };
        let refused = with(IIR, iir).err();
        assert_eq!(refused.map(|refused| refused.reason), expected, "IIR {iir:#x}");
        assert!(refused.is_none_or(|refused| refused.field == "interrupt_identification" && refused.version == 1));
    }
}

#[test]
fn an_lsr_that_contradicts_the_state_is_refused() {
    for lsr in 0..=0xff_u8 {
        let expected = if lsr & 0x60 != 0x60 {
            Some("LSR shows a character that is being sent, but there is none")
        } else if lsr & 0x80 != 0 && lsr & 0x1c == 0 {
            Some("LSR shows that a character has an error, but not which error")
        } else {
            None
        };
        match with(LSR, lsr) {
            Ok(mirror) => assert_eq!((mirror.line_errors, expected), (lsr & 0x1e, None), "LSR {lsr:#x}"),
            Err(refused) => {
                assert_eq!(Some(refused.reason), expected, "LSR {lsr:#x}");
                assert_eq!((refused.mirror, refused.field), ("SerialStateSer", "line_status"));
            }
        }
    }
}

#[test]
fn modem_bits_that_no_16550a_has_are_dropped_and_the_lines_kept() {
    assert_eq!(with(MCR, 0xff).unwrap().modem_control, 0x1f);
    let state = SerialState::try_from(&with(MSR, 0x9b).unwrap()).unwrap();
    assert_eq!((state.msr_lines, state.msr_deltas), (0x90, 0x0b));
}

#[test]
fn characters_beyond_the_sixteenth_are_handed_back() {
    let mut bytes = V1.to_vec();
    bytes[9] = 64;
    bytes.truncate(10);
    bytes.extend(0..64);
    let mut mirror = loaded(&bytes).unwrap();
    assert!(SerialState::try_from(&mirror).is_err());
    let mut backlog = mirror.take_backlog().to_vec();
    let line = Cell::new(false);
    let mut device = restored(&SerialState::try_from(&mirror).unwrap(), &line);
    let mut read = Vec::new();
    while device.read(5, Instant::EPOCH) & 1 != 0 {
        read.push(device.read(0, Instant::EPOCH));
        let taken = device.receive(&backlog, Instant::EPOCH);
        backlog.drain(..taken);
    }
    assert_eq!(read, (0..64).collect::<Vec<_>>());
}

#[test]
fn vm_superios_fields_say_the_same_as_version_1s_bytes() {
    let old = VmSuperioSerialState {
        baud_divisor_low: 12,
        baud_divisor_high: 0,
        interrupt_enable: 0x05,
        interrupt_identification: 0x04,
        line_control: 0x03,
        line_status: 0x61,
        modem_control: 0x0b,
        modem_status: 0xb0,
        scratch: 0x5a,
        in_buffer: heapless::Vec::from_slice(b"hi").unwrap(),
    };
    assert_eq!(SerialStateSer::try_from(&old), loaded(&V1));
    let refused = VmSuperioSerialState {
        line_status: 0x00,
        ..old
    };
    assert_eq!(SerialStateSer::try_from(&refused), with(LSR, 0x00));
}
