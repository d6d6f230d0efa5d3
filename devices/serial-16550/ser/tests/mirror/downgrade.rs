//! To version 1: what it can say, and what is lost.

use std::cell::Cell;

use devstate_serial_16550::{Instant, SerialState};
use devstate_serial_16550_ser::{SerialStateSer, VmSuperioSerialState};
use devstate_versioning::{Mirror, ReleaseTable, SaveError, buffer};
use proptest::prelude::*;

use crate::support::{Release, busy, device, stalled};

fn losses(state: &SerialState) -> Vec<String> {
    let mut losses = Vec::new();
    Release::V1
        .losses(
            &SerialStateSer::new(state),
            &mut SerialStateSer::new(state).clone(),
            &mut |loss| {
                let name = loss.field.display(SerialStateSer::SCHEMA).to_string();
                losses.push(if loss.ignorable { name + "?" } else { name });
            },
        )
        .unwrap();
    losses
}

/// What a Linux console in the middle of nothing looks like, with the trigger level that version 1 has.
fn plain() -> SerialState {
    let line = Cell::new(false);
    let mut device = device(&line);
    device.output_mut().ready = true;
    for (offset, value) in [(3, 0x83), (0, 1), (1, 0), (3, 0x03), (2, 0x01), (4, 0x0b), (1, 0x07)] {
        device.write(offset, value, Instant::EPOCH);
    }
    assert_eq!(device.receive(b"ls", Instant::EPOCH), 2);
    device.write(0, b'$', Instant::EPOCH);
    device.state(Instant::EPOCH)
}

#[test]
fn a_plain_console_loses_nothing_that_an_older_reader_would_miss() {
    assert_eq!(losses(&plain()), [""; 0]);
    let later = SerialState {
        timeout_remaining: 100,
        saved_at: Instant::from_nanos(9),
        rbr: 1,
        ..plain()
    };
    assert_eq!(losses(&later), ["receiver_buffer?", "timeout_remaining?", "saved_at?"]);
    let mut memory = buffer!(SerialStateSer);
    let (release, snapshot) = Release::downgrade_compatible(
        &SerialStateSer::new(&later),
        Release::V1,
        &mut SerialStateSer::new(&later).clone(),
    )
    .and_then(|older| Ok((older.release(), older.save(&mut memory)?)))
    .unwrap();
    assert_eq!(release, Release::V1);
    let mut loaded = SerialStateSer::default();
    assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V1));
    assert_eq!(SerialState::try_from(&loaded), Ok(plain()));
}

#[test]
fn version_1_is_written_as_vm_superio_would() {
    let mut bytes = [0; 80];
    let mirror = SerialStateSer::new(&plain());
    let mut scratch = mirror.clone();
    let older = Release::V1
        .downgrade_lossy(&mirror, &mut scratch, &mut |_| true)
        .unwrap();
    assert_eq!(
        older.encode(&mut bytes).unwrap(),
        [1, 0, 0x07, 0x06, 0x03, 0x61, 0x0b, 0xb0, 0, 2, b'l', b's']
    );
    let old = VmSuperioSerialState::try_from(&mirror).unwrap();
    assert_eq!((old.interrupt_identification, old.line_status), (0x06, 0x61));
    let masked = SerialStateSer {
        interrupt_enable: 0x02,
        ..mirror
    };
    let old = VmSuperioSerialState::try_from(&masked).unwrap();
    assert_eq!(old.interrupt_identification, 0x02, "received data is not enabled");
    let quiet = VmSuperioSerialState::try_from(&SerialStateSer::default()).unwrap();
    assert_eq!((quiet.interrupt_identification, quiet.line_status), (0x01, 0x60));
}

#[test]
fn every_loss_is_named() {
    assert_eq!(
        losses(&busy()),
        [
            "modem_status",
            "fifo_control",
            "receiver_buffer?",
            "line_errors",
            "parity_errors",
            "framing_errors",
            "breaks",
            "timeout_remaining?",
            "saved_at?",
            "transmit_shift",
        ]
    );
    assert_eq!(losses(&stalled()).last().unwrap(), "transmit_buffer");
    assert_eq!(losses(&SerialState::RESET), ["fifo_control"], "16450 mode");
}

#[test]
fn a_lossy_downgrade_is_refused_unless_losses_are_accepted() {
    let mirror = SerialStateSer::new(&busy());
    let mut memory = buffer!(SerialStateSer);
    let error = Release::V1
        .downgrade(&mirror, &mut mirror.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap_err();
    let SaveError::Lossy { field, release: 1 } = error else {
        panic!("{error:?}");
    };
    assert_eq!(field.display(SerialStateSer::SCHEMA).to_string(), "modem_status");

    let snapshot = Release::V1
        .downgrade_lossy(&mirror, &mut mirror.clone(), &mut |_| true)
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut loaded = SerialStateSer::default();
    Release::load(snapshot, &mut loaded).unwrap();
    let state = SerialState::try_from(&loaded).unwrap();
    assert_eq!(state.rx.as_slice(), b"ab\0d");
    assert_eq!(
        (state.fcr, state.lsr_errors, state.tsr, state.msr_deltas),
        (1, 0, None, 0)
    );
    assert_eq!(
        (state.divisor, state.lcr, state.mcr, state.scr),
        (0x1234, 0x1b, 0x0b, 0x5a)
    );
}

proptest! {
    #[test]
    fn what_is_not_named_as_lost_comes_back(steps in prop::collection::vec((0..8u16, any::<u8>(), 0..6u8), 0..60)) {
        let line = Cell::new(false);
        let mut device = device(&line);
        device.write(2, 1, Instant::EPOCH);
        for (offset, value, kind) in steps {
            device.output_mut().ready = kind != 0;
            match kind {
                0 | 1 => drop(device.receive(&[value], Instant::EPOCH)),
                2 => drop(device.read(offset, Instant::EPOCH)),
                _ if offset == 2 => {}
                _ => device.write(offset, value, Instant::EPOCH),
            }
        }
        let state = device.state(Instant::EPOCH);
        let mirror = SerialStateSer::new(&state);
        let mut lost = Vec::new();
        Release::V1.losses(&mirror, &mut mirror.clone(), &mut |loss| lost.push(loss.field.display(SerialStateSer::SCHEMA).to_string())).unwrap();

        let mut memory = buffer!(SerialStateSer);
        let snapshot = Release::V1.downgrade_lossy(&mirror, &mut mirror.clone(), &mut |_| true).and_then(|older| older.save(&mut memory)).unwrap();
        let mut loaded = SerialStateSer::default();
        Release::load(snapshot, &mut loaded).unwrap();
        let back = SerialState::try_from(&loaded).expect("version 1 of a device's state is always valid");
        prop_assert_eq!(lost.is_empty(), back == state, "lost {:?}", lost);
        prop_assert_eq!(back.rx, state.rx);
        if lost.is_empty() {
            prop_assert_eq!(VmSuperioSerialState::try_from(&mirror), VmSuperioSerialState::try_from(&loaded));
        }
    }
}
