//! Between state and mirror, and through bytes at the latest version.

use std::cell::Cell;

use devstate_serial_16550::{CharacterErrors, Instant, InvalidState, SerialState};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::wire::Layout;
use devstate_versioning::{ReleaseTable, buffer};
use proptest::prelude::*;

use crate::support::{Release, busy, device, stalled};

#[test]
fn a_state_comes_back_as_it_went_in() {
    for state in [SerialState::RESET, busy(), stalled()] {
        let mirror = SerialStateSer::new(&state);
        assert_eq!(SerialState::try_from(&mirror), Ok(state));
        assert_eq!(SerialStateSer::from(&state), mirror);
    }
    assert_eq!(SerialStateSer::default(), SerialStateSer::new(&SerialState::RESET));
}

#[test]
fn the_sample_has_something_in_every_field() {
    let (sample, stalled) = (busy(), stalled());
    let SerialState {
        divisor,
        ier,
        fcr,
        lcr,
        mcr,
        scr,
        rbr,
        rx,
        rx_errors,
        lsr_errors,
        timeout_remaining,
        tx: _,
        tsr,
        thre_pending,
        msr_lines,
        msr_deltas,
        saved_at,
    } = sample;
    let reset = SerialState::RESET;
    assert_ne!(divisor, reset.divisor);
    assert_ne!([ier, fcr, lcr, mcr, scr, rbr, lsr_errors, msr_deltas], [0; 8]);
    assert!(![ier, fcr, lcr, mcr, scr, rbr, lsr_errors, msr_deltas].contains(&0));
    assert_ne!((rx, rx_errors, tsr), (reset.rx, reset.rx_errors, reset.tsr));
    assert!(timeout_remaining != 0 && saved_at != Instant::EPOCH && thre_pending && msr_lines == 0);
    assert!(stalled.tx.len > 0);
}

#[test]
fn errors_stand_at_their_characters_positions() {
    let mirror = SerialStateSer::new(&busy());
    assert_eq!(
        [mirror.parity_errors, mirror.framing_errors, mirror.breaks],
        [0b0010, 0b0010, 0b0100]
    );
    assert_eq!(mirror.line_errors, 0x08, "the first character's are revealed");
}

#[test]
fn a_snapshot_brings_it_back() {
    let mut memory = buffer!(SerialStateSer);
    for state in [SerialState::RESET, busy(), stalled()] {
        let snapshot = Release::save(&SerialStateSer::new(&state), &mut memory).unwrap();
        let mut loaded = SerialStateSer::new(&busy());
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V2));
        assert_eq!(SerialState::try_from(&loaded), Ok(state));
    }
}

#[test]
fn the_reset_state_takes_36_bytes_and_no_state_more_than_117() {
    let mut bytes = [0; SerialStateSer::MAX_ENCODED_LEN];
    assert_eq!(bytes.len(), 117);
    let len = Release::latest(&SerialStateSer::default())
        .encode(&mut bytes)
        .unwrap()
        .len();
    assert_eq!(len, 36);
}

#[test]
fn impossible_states_are_refused_by_field() {
    type Change = fn(&mut SerialStateSer);
    let changes: [(&str, Change); 12] = [
        ("ier", |mirror| mirror.interrupt_enable = 0x10),
        ("fcr", |mirror| mirror.fifo_control = 0x11),
        ("mcr", |mirror| mirror.modem_control = 0x20),
        ("lsr_errors", |mirror| mirror.line_errors = 0x01),
        ("rx_errors", |mirror| mirror.parity_errors |= 1),
        ("rx_errors", |mirror| mirror.framing_errors |= 1 << 15),
        ("rx_errors", |mirror| mirror.breaks |= 1 << 3),
        ("timeout_remaining", |mirror| mirror.timeout_remaining = u64::MAX),
        ("tx.len", |mirror| mirror.transmit_shift = None),
        ("thre_pending", |mirror| mirror.thr_interrupt_pending = true),
        ("in_buffer", |mirror| mirror.in_buffer.extend([0; 13])),
        ("tsr", |mirror| mirror.modem_control |= 0x10),
    ];
    for (field, change) in changes {
        let mut mirror = SerialStateSer::new(&stalled());
        change(&mut mirror);
        assert_eq!(SerialState::try_from(&mirror).unwrap_err().field, field);
    }
}

#[test]
fn characters_beyond_the_receiver_are_refused_until_they_are_taken_back() {
    for (fifo_control, capacity) in [(0x00, 1), (0xc1, 16)] {
        let mut mirror = SerialStateSer {
            fifo_control,
            in_buffer: (0..64).collect(),
            ..SerialStateSer::default()
        };
        let InvalidState { field, value, .. } = SerialState::try_from(&mirror).unwrap_err();
        assert_eq!((field, value), ("in_buffer", 64));
        let one_more = SerialStateSer {
            in_buffer: (0..=capacity).collect(),
            ..mirror.clone()
        };
        assert_eq!(SerialState::try_from(&one_more).unwrap_err().field, "in_buffer");
        let backlog = mirror.take_backlog();
        assert_eq!(backlog.to_vec(), (capacity..64).collect::<Vec<u8>>());
        let state = SerialState::try_from(&mirror).unwrap();
        assert_eq!(state.rx.as_slice(), (0..capacity).collect::<Vec<u8>>());
        assert!(mirror.take_backlog().is_empty());
    }
}

proptest! {
    #[test]
    fn every_state_of_a_device_comes_back(steps in prop::collection::vec((0..8u16, any::<u8>(), 0..8u64), 0..80)) {
        let line = Cell::new(false);
        let mut device = device(&line);
        for (offset, value, kind) in steps {
            let errors = [CharacterErrors::NONE, CharacterErrors::PARITY, CharacterErrors::FRAMING, CharacterErrors::BREAK];
            match kind {
                0 => device.receive_character(value, errors[usize::from(offset) % 4], Instant::EPOCH),
                1 => drop(device.read(offset, Instant::EPOCH)),
                2 => device.write(2, 1 | value & 0xc8, Instant::EPOCH),
                _ => device.write(offset, value, Instant::EPOCH),
            }
            let state = device.state(Instant::from_nanos(5));
            let mirror = SerialStateSer::new(&state);
            prop_assert_eq!(SerialState::try_from(&mirror), Ok(state));
            let mut bytes = [0; SerialStateSer::MAX_ENCODED_LEN];
            let len = Release::latest(&mirror).encode(&mut bytes).unwrap().len();
            let mut decoded = SerialStateSer::default();
            Release::V2.decode(&bytes[..len], &mut decoded).unwrap();
            prop_assert_eq!(decoded, mirror);
        }
    }

    #[test]
    fn no_mirror_makes_an_invalid_state(bytes in prop::collection::vec(any::<u8>(), 30..118)) {
        let mut mirror = SerialStateSer::default();
        if Release::V2.decode(&bytes, &mut mirror).is_ok()
            && let Ok(state) = SerialState::try_from(&mirror)
        {
            prop_assert_eq!(state.validate(), Ok(()));
        }
    }
}
