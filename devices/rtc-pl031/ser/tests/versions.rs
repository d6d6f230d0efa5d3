//! From version 1 to 2 and back, with what is lost, and the bytes that exist in the field.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use core::time::Duration;
use devstate_core::{Clock, Instant, InvalidState, NoInterrupt};
use devstate_rtc_pl031::spec::{RTCDR, RTCLR, RTCMR};
use devstate_rtc_pl031::{NoEvents, Rtc, RtcState};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_versioning::{Header, Mirror, ReleaseTable, SaveError, buffer, release_table};
use proptest::prelude::*;

release_table! {
    enum Release { V1 = 1 @ 0xdf8f_e952_ba7b_6ae7, V2 = 2 @ open }
    RtcStateSer => [1, 2],
}

const SECOND: u64 = 1_000_000_000;

/// What `bincode::serialize` gives for vm-superio-ser 0.4.1's
/// `RtcStateSer { lr: 0x69a7bdbf, offset: -86_400, mr: 0x69a7bdc2, imsc: 1, ris: 0 }`.
const FROM_THE_FIELD: [u8; 24] = [
    0xbf, 0xbd, 0xa7, 0x69, 0x80, 0xae, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc2, 0xbd, 0xa7, 0x69, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00,
];

/// A day behind a host whose clock shows `0x69a7_bdbf` + a day.
const HOST: Duration = Duration::new(0x69a7_bdbf + 86_400, 250_000_000);

/// Every field off its default.
const STATE: RtcState = RtcState {
    counter: 0x6957_35a6,
    sub_second_ns: 250_000_000,
    lr: 0x6957_3500,
    mr: 0x6957_35b0,
    enabled: true,
    imsc: true,
    ris: true,
    saved_at: Instant::from_nanos((0x6957_35a6 + 3600) * SECOND),
};

fn upgraded(bytes: &[u8]) -> RtcStateSer {
    let mut mirror = RtcStateSer::default();
    Release::V1.decode(bytes, &mut mirror).unwrap();
    mirror
}

fn losses(mirror: &RtcStateSer, release: Release) -> Vec<String> {
    let mut names = Vec::new();
    release
        .losses(mirror, &mut mirror.clone(), &mut |loss| {
            names.push(loss.field.display(RtcStateSer::SCHEMA).to_string());
        })
        .unwrap();
    names
}

#[test]
fn a_whole_state_goes_through_bytes() {
    let mut memory = buffer!(RtcStateSer);
    let snapshot = Release::save(&RtcStateSer::new(&STATE), &mut memory).unwrap();
    let mut mirror = RtcStateSer::default();
    Release::load(snapshot, &mut mirror).unwrap();
    assert_eq!(RtcState::try_from(&mirror), Ok(STATE));
    assert_eq!(RtcStateSer::from(&STATE), mirror);
}

#[test]
fn version_2_has_these_bytes() {
    let mut bytes = [0xa5; 64];
    let len = Release::latest(&RtcStateSer::new(&STATE))
        .encode(&mut bytes)
        .unwrap()
        .len();
    let mut expected = Vec::new();
    for register in [STATE.lr, STATE.mr, 1, 1, STATE.counter, STATE.sub_second_ns] {
        expected.extend(register.to_le_bytes());
    }
    expected.push(1);
    expected.extend(STATE.saved_at.as_nanos().to_le_bytes());
    expected.push(0);
    assert_eq!(bytes[..len], expected);
}

#[test]
fn states_of_vm_superio_can_be_imported() {
    let mut mirror = upgraded(&FROM_THE_FIELD);
    assert_eq!(
        mirror,
        RtcStateSer {
            lr: 0x69a7_bdbf,
            mr: 0x69a7_bdc2,
            imsc: 1,
            enabled: true,
            host_offset: Some(-86_400),
            ..RtcStateSer::default()
        }
    );
    mirror.resolve(HOST, Instant::from_nanos(77));
    let state = RtcState::try_from(&mirror).unwrap();
    let mut rtc = Rtc::from_state(&state, NoInterrupt, NoEvents, Instant::from_nanos(77), Clock::Frozen).unwrap();
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(77)), 0x69a7_bdbf);
    assert_eq!(
        (
            rtc.read(RTCLR, Instant::from_nanos(77)),
            rtc.read(RTCMR, Instant::from_nanos(77))
        ),
        (0x69a7_bdbf, 0x69a7_bdc2)
    );
    assert_eq!(
        rtc.next_deadline(),
        Some(Instant::from_nanos(77 + 2 * SECOND + 3 * SECOND / 4)),
        "it ticks with the host"
    );
}

#[test]
fn imported_states_can_be_exported_unchanged() {
    let mirror = upgraded(&FROM_THE_FIELD);
    assert_eq!(losses(&mirror, Release::V1), [""; 0]);
    let mut memory = buffer!(RtcStateSer);
    let snapshot = Release::V1
        .downgrade(&mirror, &mut mirror.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    assert_eq!(snapshot[Header::LEN..][..24], FROM_THE_FIELD);
}

#[test]
fn a_mirror_that_waits_for_the_hosts_time_is_no_state() {
    let mirror = upgraded(&FROM_THE_FIELD);
    let error = RtcState::try_from(&mirror).unwrap_err();
    assert_eq!(
        (error.field, error.value),
        ("host_offset", (-86_400i64).cast_unsigned())
    );
    // It can wait in version 2 as well.
    let mut memory = buffer!(RtcStateSer);
    let snapshot = Release::save(&mirror, &mut memory).unwrap();
    let mut loaded = RtcStateSer::default();
    Release::load(snapshot, &mut loaded).unwrap();
    assert_eq!(loaded, mirror);
}

#[test]
fn a_downgrade_names_what_it_loses() {
    let full = RtcStateSer::new(&STATE);
    assert_eq!(losses(&full, Release::V2), [""; 0]);
    assert_eq!(
        losses(&full, Release::V1),
        ["counter", "sub_second_ns", "saved_at", "host_offset"]
    );
    let stopped = RtcStateSer::new(&RtcState::RESET);
    assert_eq!(losses(&stopped, Release::V1), ["enabled", "host_offset"]);

    let mut memory = buffer!(RtcStateSer);
    let error = Release::V1
        .downgrade(&full, &mut full.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap_err();
    assert!(matches!(error, SaveError::Lossy { .. }), "{error}");
}

#[test]
fn after_a_downgrade_the_clock_still_shows_the_right_time() {
    let mut memory = buffer!(RtcStateSer);
    let snapshot = Release::V1
        .downgrade_lossy(
            &RtcStateSer::new(&STATE),
            &mut RtcStateSer::new(&STATE).clone(),
            &mut |_| true,
        )
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut mirror = RtcStateSer::default();
    assert_eq!(Release::load(snapshot, &mut mirror), Ok(Release::V1));
    assert_eq!(mirror.host_offset, Some(-3600));

    // Ten seconds after the save, by the host's clock.
    let now = STATE.saved_at.saturating_add_nanos(10 * SECOND);
    mirror.resolve(now.since_epoch(), now);
    let expected = RtcState {
        counter: STATE.counter + 10,
        sub_second_ns: 0,
        saved_at: now,
        ..STATE
    };
    assert_eq!(RtcState::try_from(&mirror), Ok(expected));
}

#[test]
fn resolving_is_for_version_1_only() {
    let mut mirror = RtcStateSer::new(&STATE);
    mirror.resolve(HOST, Instant::from_nanos(1));
    assert_eq!(mirror, RtcStateSer::new(&STATE));
}

#[test]
fn a_sum_that_is_no_32_bit_number_shows_the_hosts_time() {
    for offset in [i64::MIN, -(1 << 40), 1 << 40, i64::MAX] {
        let mut mirror = RtcStateSer {
            host_offset: Some(offset),
            ..RtcStateSer::default()
        };
        mirror.resolve(HOST, Instant::EPOCH);
        assert_eq!(
            (mirror.counter, mirror.host_offset),
            (0x69a7_bdbf + 86_400, None),
            "{offset}"
        );
    }
    for (offset, value) in [(-(1i64 << 33), 0), ((1 << 32) - 1 - (1 << 33), u32::MAX)] {
        let mut mirror = RtcStateSer {
            host_offset: Some(offset),
            ..RtcStateSer::default()
        };
        mirror.resolve(Duration::from_secs(1 << 33), Instant::EPOCH);
        assert_eq!(mirror.counter, value);
    }
}

#[test]
fn registers_of_one_bit_have_one_bit() {
    for bad in [2, 3, 1 << 31, u32::MAX] {
        let reason = "a register of one bit";
        let mirror = RtcStateSer {
            imsc: bad,
            ..RtcStateSer::default()
        };
        assert_eq!(
            RtcState::try_from(&mirror),
            Err(InvalidState::new("imsc", bad.into(), reason))
        );
        let mirror = RtcStateSer {
            ris: bad,
            ..RtcStateSer::default()
        };
        assert_eq!(
            RtcState::try_from(&mirror),
            Err(InvalidState::new("ris", bad.into(), reason))
        );
    }
}

#[test]
fn a_mirror_of_an_impossible_state_does_not_convert() {
    let mirror = RtcStateSer {
        sub_second_ns: 4_000_000_000,
        ..RtcStateSer::default()
    };
    let error = RtcState::try_from(&mirror).unwrap_err();
    assert_eq!((error.field, error.value), ("sub_second_ns", 4_000_000_000));
}

proptest! {
    #[test]
    fn every_state_comes_back(
        numbers: [u32; 4],
        sub_second_ns in 0..1_000_000_000u32,
        bits: [bool; 3],
        saved_at: u64,
    ) {
        let [counter, lr, mr, _] = numbers;
        let [enabled, imsc, ris] = bits;
        let state = RtcState { counter, sub_second_ns, lr, mr, enabled, imsc, ris, saved_at: Instant::from_nanos(saved_at) };
        let mirror = RtcStateSer::new(&state);
        prop_assert_eq!(RtcState::try_from(&mirror), Ok(state));
        let mut memory = buffer!(RtcStateSer);
        let snapshot = Release::V1.downgrade_lossy(&mirror, &mut mirror.clone(), &mut |_| true).and_then(|older| older.save(&mut memory)).unwrap();
        let mut old = RtcStateSer::default();
        Release::load(snapshot, &mut old).unwrap();
        old.resolve(Duration::from_nanos(saved_at), Instant::from_nanos(saved_at));
        let state = RtcState::try_from(&old).unwrap();
        prop_assert_eq!((state.counter, state.lr, state.mr, state.imsc, state.ris), (counter, lr, mr, imsc, ris));
    }
}

#[cfg(feature = "serde")]
#[test]
fn the_mirror_reads_as_plain_json() {
    let mirror = RtcStateSer::new(&STATE);
    let json = serde_json::to_string(&mirror).unwrap();
    assert_eq!(serde_json::from_str::<RtcStateSer>(&json).unwrap(), mirror);
    assert!(json.starts_with(r#"{"lr":1767322880,"offset":0,"#), "{json}");
}
