//! What versions cost: downgrades, each pair of releases, many releases, many devices.

use std::hint::black_box;

use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{MirrorOf, ReleaseTable, Versioned, release_table};

use crate::case::{Case, add, pair};

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(0xa6c7_4f01_cd32_5553))]
pub struct MachineSer {
    pub rtc: RtcStateSer,
    pub serial: SerialStateSer,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x5fe4_7fdd_979a_3d5d, V2 = 2 @ open }
    RtcStateSer => [1, 2],
    SerialStateSer => [1, 2],
    MachineSer => [1, 1],
}

/// A mirror of as many clocks as wanted.
macro_rules! clocks {
    ($($Name:ident: $n:literal, $Release:ident);+ $(;)?) => {$(
        #[derive(Versioned, Clone, Debug)]
        #[versioned(version = 1, layouts(open))]
        pub struct $Name {
            pub clocks: [RtcStateSer; $n],
        }

        impl Default for $Name {
            fn default() -> Self {
                Self { clocks: core::array::from_fn(|_| RtcStateSer { enabled: true, ..RtcStateSer::default() }) }
            }
        }

        release_table! {
            pub enum $Release { V1 = 1 @ open }
            RtcStateSer => [2],
            $Name => [1],
        }
    )+};
}

clocks! {
    OneClock: 1, OneClockRelease;
    FourClocks: 4, FourClocksRelease;
    SixteenClocks: 16, SixteenClocksRelease;
    SixtyFourClocks: 64, SixtyFourClocksRelease;
}

/// Tables of one mirror with more and more releases.
mod tables {
    use super::{RtcStateSer, release_table};

    include!(concat!(env!("OUT_DIR"), "/tables.rs"));
}

pub fn cases(cases: &mut Vec<Case>) {
    downgrades(cases);
    pairs(cases);
    devices::<OneClock, OneClockRelease>(cases, "1 device");
    devices::<FourClocks, FourClocksRelease>(cases, "4 devices");
    devices::<SixteenClocks, SixteenClocksRelease>(cases, "16 devices");
    devices::<SixtyFourClocks, SixtyFourClocksRelease>(cases, "64 devices");
    releases::<tables::One>(cases, "1 release");
    releases::<tables::Ten>(cases, "10 releases");
    releases::<tables::Hundred>(cases, "100 releases");
}

const OURS: &str = "devstate";

fn machine() -> MachineSer {
    let mut serial = SerialStateSer::new(&SerialState::RESET);
    // What version 1 can say as well, so that nothing is lost.
    serial.scratch = 0x5a;
    MachineSer {
        rtc: RtcStateSer {
            enabled: true,
            counter: 1_767_323_046,
            ..RtcStateSer::default()
        },
        serial,
    }
}

fn downgrades(cases: &mut Vec<Case>) {
    for release in Release::ALL.iter().copied() {
        let saved = machine();
        let mut scratch = machine();
        add(
            cases,
            "before saving",
            OURS,
            format!("losses at release {}", release.number()),
            move || {
                let mut lost = 0;
                let _ = black_box(release).losses(black_box(&saved), &mut scratch, &mut |_| lost += 1);
                black_box(lost);
            },
        );
    }
    let saved = machine();
    add(cases, "before saving", OURS, "exact length", move || {
        black_box(Release::latest(black_box(&saved)).snapshot_len());
    });
}

/// Writing at each release and reading it in the latest build: what the translation between each pair costs.
fn pairs(cases: &mut Vec<Case>) {
    for release in Release::ALL.iter().copied() {
        let saved = machine();
        let mut scratch = machine();
        let save = move |memory: &mut [u8]| {
            black_box(release)
                .downgrade_lossy(black_box(&saved), &mut scratch, &mut |_| true)
                .and_then(|older| older.save(memory))
                .map_or(0, <[u8]>::len)
        };
        let mut loaded = MachineSer::default();
        let number = release.number();
        let names = [format!("save 2 as {number}"), format!("load {number} in 2")];
        pair(cases, "between releases", OURS, names, save, move |snapshot| {
            let _ = black_box(Release::load(snapshot, &mut loaded));
        });
    }
}

/// How the cost grows with the number of devices: it should be flat for each of them.
fn devices<M, R>(cases: &mut Vec<Case>, column: &'static str)
where
    R: ReleaseTable,
    M: for<'de> MirrorOf<'de, R> + Default + 'static,
{
    payload::<M, R>(cases, "many devices, payload", column, M::default());
}

/// How the cost grows with the number of releases: it should not.
fn releases<R>(cases: &mut Vec<Case>, column: &'static str)
where
    R: ReleaseTable,
    RtcStateSer: for<'de> MirrorOf<'de, R>,
{
    let mirror = RtcStateSer {
        enabled: true,
        ..RtcStateSer::default()
    };
    payload::<RtcStateSer, R>(cases, "many releases, payload", column, mirror);
}

/// In the table, writing and reading are rows.
fn payload<M, R>(cases: &mut Vec<Case>, group: &'static str, column: &'static str, mirror: M)
where
    R: ReleaseTable,
    M: for<'de> MirrorOf<'de, R> + Default + 'static,
{
    let mut loaded = M::default();
    let save = move |memory: &mut [u8]| R::latest(black_box(&mirror)).encode(memory).map_or(0, <[u8]>::len);
    let first = cases.len();
    pair(cases, group, "save", [column; 2], save, move |payload| {
        black_box(black_box(R::LATEST).decode(payload, &mut loaded).is_ok());
    });
    for (case, row) in cases[first..].iter_mut().zip(["save", "load"]) {
        case.row = row;
    }
}
