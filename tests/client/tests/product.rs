//! The product's own states come back, and are versioned like anyone's.

use client::Release;
use client::board::BoardSer;
use client::console::{ConsoleSer, NotAConsole};
use client::generic::{CountersSer, RtcWithEventsSer};
use client::versionize_carrier::{Carried, MachineState};
use devstate_core::{Instant, NoInterrupt};
use devstate_rtc_pl031::RtcState;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::{AlwaysReady, Config, NoEvents, Serial, SerialState};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Mirror, ReleaseTable, buffer};
use versionize::{VersionMap, Versionize, VersionizeError};

/// A console that has been typed at.
fn console() -> SerialState {
    let mut serial = Serial::with_config(NoInterrupt, AlwaysReady(Vec::new()), NoEvents, Config::WITH_TIMER);
    serial.write(2, 0x01, Instant::EPOCH);
    serial.write(1, 0x01, Instant::EPOCH);
    assert_eq!(serial.receive(b"hello", Instant::EPOCH), 5);
    serial.state(Instant::EPOCH)
}

#[test]
fn a_mirror_with_fewer_fields() {
    let state = console();
    let mut memory = buffer!(ConsoleSer);
    let snapshot = Release::save(&ConsoleSer::try_from(&state).unwrap(), &mut memory).unwrap();
    let mut mirror = ConsoleSer::default();
    Release::load(&snapshot, &mut mirror).unwrap();
    let restored = SerialState::try_from(&mirror).unwrap();
    assert_eq!((restored.rx.as_slice(), restored.ier), (&b"hello"[..], 1));

    let stalled = SerialState {
        tsr: Some(b'x'),
        ..state
    };
    assert_eq!(
        ConsoleSer::try_from(&stalled),
        Err(NotAConsole("output that has not been drained"))
    );
    mirror.ier = 0xff;
    assert_eq!(SerialState::try_from(&mirror).unwrap_err().field, "ier");
}

#[test]
fn two_upstream_states_in_one() {
    let board = BoardSer::new(&RtcState::RESET, &console(), 77, 3);
    let mut memory = buffer!(BoardSer);
    let snapshot = Release::save(&board, &mut memory).unwrap();
    let mut loaded = BoardSer::default();
    assert_eq!(Release::load(&snapshot, &mut loaded), Ok(Release::V2));
    assert_eq!(loaded, board);
    assert_eq!(SerialState::try_from(&loaded.serial), Ok(console()));

    let mut lost = Vec::new();
    Release::V1
        .losses(&board, &mut board.clone(), &mut |loss| {
            lost.push(loss.field.display(BoardSer::SCHEMA).to_string())
        })
        .unwrap();
    assert_eq!(lost, ["rtc.enabled", "rtc.host_offset", "restores"]);
}

#[test]
fn a_generic_mirror_by_hand() {
    let mirror = RtcWithEventsSer {
        rtc: RtcStateSer::new(&RtcState::RESET),
        events: CountersSer {
            invalid_reads: 5,
            invalid_writes: 6,
        },
    };
    let mut memory = buffer!(RtcWithEventsSer<CountersSer>);
    let snapshot = Release::save(&mirror, &mut memory).unwrap();
    let mut loaded = RtcWithEventsSer::default();
    assert_eq!(Release::load(&snapshot, &mut loaded), Ok(Release::V2));
    assert_eq!(loaded, mirror);
    // Release 1 had none, and the widest audience begins with release 2.
    assert!(
        Release::V1
            .downgrade(&mirror, &mut mirror.clone())
            .and_then(|older| older.save(&mut memory))
            .is_err()
    );
    assert_eq!(
        Release::downgrade_compatible(&mirror, Release::V1, &mut mirror.clone())
            .and_then(|older| Ok((older.release(), older.save(&mut memory)?)))
            .unwrap()
            .0,
        Release::V2
    );
}

#[test]
fn a_mirror_through_versionize() {
    let mut versions = VersionMap::new();
    versions.new_version();
    let machine = MachineState {
        vcpus: 2,
        rtc: Carried(RtcStateSer {
            enabled: true,
            host_offset: Some(-5),
            ..RtcStateSer::default()
        }),
        serial: Carried(SerialStateSer::new(&SerialState {
            fcr: 1,
            ..SerialState::RESET
        })),
    };
    for target in [1, 2] {
        let mut bytes = Vec::new();
        machine.serialize(&mut bytes, &versions, target).unwrap();
        assert_eq!(
            MachineState::deserialize(&mut &bytes[..], &versions, target).unwrap(),
            machine
        );
        // Damage is found, which versionize would not.
        bytes[30] ^= 1;
        MachineState::deserialize(&mut &bytes[..], &versions, target).unwrap_err();
    }
    // What an older product cannot say is refused by name.
    let stopped = MachineState {
        rtc: Carried(RtcStateSer::new(&RtcState::RESET)),
        ..machine
    };
    let error = stopped.serialize(&mut Vec::new(), &versions, 1).unwrap_err();
    assert!(error.to_string().contains("release 1 would lose field"), "{error}");
    assert_eq!(Release::LATEST, Release::V2);
}

/// Neither the oldest nor the latest release stands in for one that is not known.
#[test]
fn a_mirror_through_versionize_knows_its_version() {
    // One that the map has, beyond what the product knows.
    let mut versions = VersionMap::new();
    versions.new_version().new_version();
    let clock = Carried(RtcStateSer {
        enabled: true,
        host_offset: Some(0),
        ..RtcStateSer::default()
    });
    let mut bytes = Vec::new();
    clock.serialize(&mut bytes, &versions, 1).unwrap();
    for unknown in [0, 3, u16::MAX] {
        let reason = format!("no release is known for version {unknown} of the product");
        let error = clock.serialize(&mut Vec::new(), &versions, unknown).unwrap_err();
        assert_eq!(error, VersionizeError::Serialize(reason.clone()));
        let error = Carried::<RtcStateSer>::deserialize(&mut &bytes[..], &versions, unknown).unwrap_err();
        assert_eq!(error, VersionizeError::Deserialize(reason));
    }
    assert_eq!(Carried::deserialize(&mut &bytes[..], &versions, 1), Ok(clock));
    // Written by one version of the product, and said to be another's.
    let error = Carried::<RtcStateSer>::deserialize(&mut &bytes[..], &versions, 2).unwrap_err();
    let reason = "a mirror of release 1 in version 2 of the product, which writes release 2".to_owned();
    assert_eq!(error, VersionizeError::Deserialize(reason));
}
