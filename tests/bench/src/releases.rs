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

    release_table! {
        pub enum One { R1 = 1 @ open }
        RtcStateSer => [2],
    }

    release_table! {
        pub enum Ten { R1 = 1 @ 0xdf8f_e952_ba7b_6ae7, R2 = 2 @ 0xdf8f_e952_ba7b_6ae7, R3 = 3 @ 0xdf8f_e952_ba7b_6ae7, R4
            = 4 @ 0xdf8f_e952_ba7b_6ae7, R5 = 5 @ 0xdf8f_e952_ba7b_6ae7, R6 = 6 @ 0xdf8f_e952_ba7b_6ae7, R7 = 7 @
            0xdf8f_e952_ba7b_6ae7, R8 = 8 @ 0xdf8f_e952_ba7b_6ae7, R9 = 9 @ 0xdf8f_e952_ba7b_6ae7, R10 = 10 @ open }
        RtcStateSer => [1, 1, 1, 1, 1, 1, 1, 1, 1, 2],
    }

    release_table! {
        pub enum Hundred { R1 = 1 @ 0xdf8f_e952_ba7b_6ae7, R2 = 2 @ 0xdf8f_e952_ba7b_6ae7, R3 = 3 @ 0xdf8f_e952_ba7b_6ae7,
            R4 = 4 @ 0xdf8f_e952_ba7b_6ae7, R5 = 5 @ 0xdf8f_e952_ba7b_6ae7, R6 = 6 @ 0xdf8f_e952_ba7b_6ae7, R7 = 7 @
            0xdf8f_e952_ba7b_6ae7, R8 = 8 @ 0xdf8f_e952_ba7b_6ae7, R9 = 9 @ 0xdf8f_e952_ba7b_6ae7, R10 = 10 @
            0xdf8f_e952_ba7b_6ae7, R11 = 11 @ 0xdf8f_e952_ba7b_6ae7, R12 = 12 @ 0xdf8f_e952_ba7b_6ae7, R13 = 13 @
            0xdf8f_e952_ba7b_6ae7, R14 = 14 @ 0xdf8f_e952_ba7b_6ae7, R15 = 15 @ 0xdf8f_e952_ba7b_6ae7, R16 = 16 @
            0xdf8f_e952_ba7b_6ae7, R17 = 17 @ 0xdf8f_e952_ba7b_6ae7, R18 = 18 @ 0xdf8f_e952_ba7b_6ae7, R19 = 19 @
            0xdf8f_e952_ba7b_6ae7, R20 = 20 @ 0xdf8f_e952_ba7b_6ae7, R21 = 21 @ 0xdf8f_e952_ba7b_6ae7, R22 = 22 @
            0xdf8f_e952_ba7b_6ae7, R23 = 23 @ 0xdf8f_e952_ba7b_6ae7, R24 = 24 @ 0xdf8f_e952_ba7b_6ae7, R25 = 25 @
            0xdf8f_e952_ba7b_6ae7, R26 = 26 @ 0xdf8f_e952_ba7b_6ae7, R27 = 27 @ 0xdf8f_e952_ba7b_6ae7, R28 = 28 @
            0xdf8f_e952_ba7b_6ae7, R29 = 29 @ 0xdf8f_e952_ba7b_6ae7, R30 = 30 @ 0xdf8f_e952_ba7b_6ae7, R31 = 31 @
            0xdf8f_e952_ba7b_6ae7, R32 = 32 @ 0xdf8f_e952_ba7b_6ae7, R33 = 33 @ 0xdf8f_e952_ba7b_6ae7, R34 = 34 @
            0xdf8f_e952_ba7b_6ae7, R35 = 35 @ 0xdf8f_e952_ba7b_6ae7, R36 = 36 @ 0xdf8f_e952_ba7b_6ae7, R37 = 37 @
            0xdf8f_e952_ba7b_6ae7, R38 = 38 @ 0xdf8f_e952_ba7b_6ae7, R39 = 39 @ 0xdf8f_e952_ba7b_6ae7, R40 = 40 @
            0xdf8f_e952_ba7b_6ae7, R41 = 41 @ 0xdf8f_e952_ba7b_6ae7, R42 = 42 @ 0xdf8f_e952_ba7b_6ae7, R43 = 43 @
            0xdf8f_e952_ba7b_6ae7, R44 = 44 @ 0xdf8f_e952_ba7b_6ae7, R45 = 45 @ 0xdf8f_e952_ba7b_6ae7, R46 = 46 @
            0xdf8f_e952_ba7b_6ae7, R47 = 47 @ 0xdf8f_e952_ba7b_6ae7, R48 = 48 @ 0xdf8f_e952_ba7b_6ae7, R49 = 49 @
            0xdf8f_e952_ba7b_6ae7, R50 = 50 @ 0xdf8f_e952_ba7b_6ae7, R51 = 51 @ 0xdf8f_e952_ba7b_6ae7, R52 = 52 @
            0xdf8f_e952_ba7b_6ae7, R53 = 53 @ 0xdf8f_e952_ba7b_6ae7, R54 = 54 @ 0xdf8f_e952_ba7b_6ae7, R55 = 55 @
            0xdf8f_e952_ba7b_6ae7, R56 = 56 @ 0xdf8f_e952_ba7b_6ae7, R57 = 57 @ 0xdf8f_e952_ba7b_6ae7, R58 = 58 @
            0xdf8f_e952_ba7b_6ae7, R59 = 59 @ 0xdf8f_e952_ba7b_6ae7, R60 = 60 @ 0xdf8f_e952_ba7b_6ae7, R61 = 61 @
            0xdf8f_e952_ba7b_6ae7, R62 = 62 @ 0xdf8f_e952_ba7b_6ae7, R63 = 63 @ 0xdf8f_e952_ba7b_6ae7, R64 = 64 @
            0xdf8f_e952_ba7b_6ae7, R65 = 65 @ 0xdf8f_e952_ba7b_6ae7, R66 = 66 @ 0xdf8f_e952_ba7b_6ae7, R67 = 67 @
            0xdf8f_e952_ba7b_6ae7, R68 = 68 @ 0xdf8f_e952_ba7b_6ae7, R69 = 69 @ 0xdf8f_e952_ba7b_6ae7, R70 = 70 @
            0xdf8f_e952_ba7b_6ae7, R71 = 71 @ 0xdf8f_e952_ba7b_6ae7, R72 = 72 @ 0xdf8f_e952_ba7b_6ae7, R73 = 73 @
            0xdf8f_e952_ba7b_6ae7, R74 = 74 @ 0xdf8f_e952_ba7b_6ae7, R75 = 75 @ 0xdf8f_e952_ba7b_6ae7, R76 = 76 @
            0xdf8f_e952_ba7b_6ae7, R77 = 77 @ 0xdf8f_e952_ba7b_6ae7, R78 = 78 @ 0xdf8f_e952_ba7b_6ae7, R79 = 79 @
            0xdf8f_e952_ba7b_6ae7, R80 = 80 @ 0xdf8f_e952_ba7b_6ae7, R81 = 81 @ 0xdf8f_e952_ba7b_6ae7, R82 = 82 @
            0xdf8f_e952_ba7b_6ae7, R83 = 83 @ 0xdf8f_e952_ba7b_6ae7, R84 = 84 @ 0xdf8f_e952_ba7b_6ae7, R85 = 85 @
            0xdf8f_e952_ba7b_6ae7, R86 = 86 @ 0xdf8f_e952_ba7b_6ae7, R87 = 87 @ 0xdf8f_e952_ba7b_6ae7, R88 = 88 @
            0xdf8f_e952_ba7b_6ae7, R89 = 89 @ 0xdf8f_e952_ba7b_6ae7, R90 = 90 @ 0xdf8f_e952_ba7b_6ae7, R91 = 91 @
            0xdf8f_e952_ba7b_6ae7, R92 = 92 @ 0xdf8f_e952_ba7b_6ae7, R93 = 93 @ 0xdf8f_e952_ba7b_6ae7, R94 = 94 @
            0xdf8f_e952_ba7b_6ae7, R95 = 95 @ 0xdf8f_e952_ba7b_6ae7, R96 = 96 @ 0xdf8f_e952_ba7b_6ae7, R97 = 97 @
            0xdf8f_e952_ba7b_6ae7, R98 = 98 @ 0xdf8f_e952_ba7b_6ae7, R99 = 99 @ 0xdf8f_e952_ba7b_6ae7, R100 = 100 @ open }
        RtcStateSer => [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2],
    }
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
