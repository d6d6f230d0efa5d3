//! The order in which semantic functions run, and the version that they are given: each writes into one log, and some are
//! told to refuse. None of them commutes with another here, as those of a unit's change would.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::unnecessary_wraps,
    reason = "a test"
)]

use std::cell::RefCell;

use devstate_versioning::{ConversionError, MirrorOf, ReleaseTable, SaveError, Versioned, buffer, release_table};

/// Who ran, and which version it was given.
type Call = (&'static str, u16);

thread_local! {
    static LOG: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
    static REFUSING: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// What ran within `run`, where those named in `refusing` refuse.
fn logged<T>(refusing: &[&'static str], run: impl FnOnce() -> T) -> (T, Vec<Call>) {
    REFUSING.set(refusing.to_vec());
    LOG.take();
    let result = run();
    REFUSING.take();
    (result, LOG.take())
}

fn log(name: &'static str, version: u16) -> Result<(), ConversionError> {
    LOG.with_borrow_mut(|log| log.push((name, version)));
    if REFUSING.with_borrow(|refusing| refusing.contains(&name)) {
        Err(ConversionError::new("as the test says"))
    } else {
        Ok(())
    }
}

/// Functions of a mirror that only log.
macro_rules! functions {
    ($mirror:ty: $($name:ident)*) => {
        $(
            pub(super) fn $name(_mirror: &mut $mirror, version: u16) -> Result<(), ConversionError> {
                log(concat!(stringify!($mirror), "::", stringify!($name)), version)
            }
        )*
    };
}

/// Steps 2, 3 and 4, three functions at the last of them, and one that runs at two; written down in no order at all.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 4,
    layouts(0x4fe7_73f5_3103_5157, 0xc797_8739_3211_be47, 0x0af2_515f_6c67_ea64, open)
)]
pub struct PartSer {
    #[versioned(at = 4, ser_fn = part::a4_down, de_fn = part::a4_up)]
    #[versioned(at = 2, ser_fn = part::a2_down, de_fn = part::a2_up)]
    pub a: u8,
    #[versioned(start = 2, end = 4, default_fn = part::b_missing, ser_fn = part::b_down, de_fn = part::b_up)]
    pub b: u8,
    #[versioned(at = 3, ser_fn = part::c3_down, de_fn = part::c3_up)]
    #[versioned(at = 4, ser_fn = part::c4_down, de_fn = part::c4_up)]
    pub c: u8,
}

mod part {
    use super::{ConversionError, PartSer, log};

    functions! { PartSer: a2_up a2_down a4_up a4_down b_up b_down c3_up c3_down c4_up c4_down }

    pub(super) fn b_missing(version: u16) -> u8 {
        log("PartSer::b_missing", version).unwrap();
        7
    }
}

/// Two parts between two fields of its own, and a version that steps where theirs does not.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 3, layouts(0x3c03_e127_a3d4_e95a, 0x52b7_0bdc_6a00_279d, open))]
pub struct WholeSer {
    #[versioned(at = 3, ser_fn = whole::x_down, de_fn = whole::x_up)]
    pub x: u8,
    pub parts: [PartSer; 2],
    #[versioned(start = 2, default_fn = whole::y_missing, ser_fn = whole::y_down, de_fn = whole::y_up)]
    pub y: u8,
}

mod whole {
    use super::{ConversionError, WholeSer, log};

    functions! { WholeSer: x_up x_down y_up y_down }

    pub(super) fn y_missing(version: u16) -> u8 {
        log("WholeSer::y_missing", version).unwrap();
        0
    }
}

release_table! {
    pub enum Release { R1 = 1 @ 0x8beb_551c_d4d8_3ab1, R2 = 2 @ 0x039b_6860_d5e6_a7a1, R3 = 3 @ 0x46f6_3287_103c_d3be, R4 = 4 @ 0x5da9_5d3b_d668_1201, R5 = 5 @ open }
    PartSer  => [1, 2, 3, 3, 4],
    WholeSer => [1, 1, 1, 2, 3],
}

/// So many names with one version.
fn at(version: u16, names: &[&'static str]) -> Vec<Call> {
    names.iter().map(|name| (*name, version)).collect()
}

/// A part on its own, at the version that it has in each release.
const PART: [(Release, u16); 4] = [(Release::R1, 1), (Release::R2, 2), (Release::R3, 3), (Release::R5, 4)];

/// What has to run from a version of the part up to its latest.
fn part_up(version: u16) -> Vec<Call> {
    let steps: &[_] = match version {
        1 => &[
            "PartSer::b_missing",
            "PartSer::a2_up",
            "PartSer::b_up",
            "PartSer::c3_up",
            "PartSer::a4_up",
            "PartSer::b_up",
            "PartSer::c4_up",
        ],
        2 => &["PartSer::c3_up", "PartSer::a4_up", "PartSer::b_up", "PartSer::c4_up"],
        3 => &["PartSer::a4_up", "PartSer::b_up", "PartSer::c4_up"],
        _ => &["PartSer::b_missing"],
    };
    at(version, steps)
}

/// And down to it.
fn part_down(version: u16) -> Vec<Call> {
    let steps: &[_] = match version {
        1 => &[
            "PartSer::c4_down",
            "PartSer::b_down",
            "PartSer::a4_down",
            "PartSer::c3_down",
            "PartSer::b_down",
            "PartSer::a2_down",
        ],
        2 => &[
            "PartSer::b_missing",
            "PartSer::c4_down",
            "PartSer::b_down",
            "PartSer::a4_down",
            "PartSer::c3_down",
        ],
        3 => &[
            "PartSer::b_missing",
            "PartSer::c4_down",
            "PartSer::b_down",
            "PartSer::a4_down",
        ],
        _ => &[],
    };
    at(version, steps)
}

/// Returns the payload of `mirror` at a release, whatever that loses.
fn payload_of<M: for<'de> MirrorOf<'de, Release>>(mirror: &M, release: Release) -> Vec<u8> {
    let mut scratch = mirror.clone();
    let older = release.downgrade_lossy(mirror, &mut scratch, &mut |_| true).unwrap();
    older.encode(&mut [0; 100]).unwrap().to_vec()
}

#[test]
fn up_by_version_and_by_appearance_within_one() {
    for (release, version) in PART {
        let payload = payload_of(&PartSer::default(), release);
        let (result, ran) = logged(&[], || release.decode(&payload, &mut PartSer::default()));
        assert_eq!((result, ran), (Ok(()), part_up(version)), "from version {version}");
    }
}

#[test]
fn down_in_the_exact_reverse() {
    for (release, version) in PART {
        let part = PartSer::default();
        let (result, ran) = logged(&[], || release.downgrade(&part, &mut part.clone()).map(drop));
        assert_eq!(result, Ok(()));
        let expected = match release {
            Release::R5 => part_down(version),
            // There and back to find losses, then there.
            _ => [part_down(version), part_up(version), part_down(version)].concat(),
        };
        assert_eq!(ran, expected, "to version {version}");
    }
}

/// From release 1 and 4, where the part has another version than the whole.
fn whole_up(release: Release) -> Vec<Call> {
    match release {
        Release::R1 => [
            part_up(1),
            part_up(1),
            at(1, &["WholeSer::y_missing", "WholeSer::y_up", "WholeSer::x_up"]),
        ]
        .concat(),
        _ => [part_up(3), part_up(3), at(2, &["WholeSer::x_up"])].concat(),
    }
}

fn whole_down(release: Release) -> Vec<Call> {
    match release {
        Release::R1 => [
            at(1, &["WholeSer::x_down", "WholeSer::y_down"]),
            part_down(1),
            part_down(1),
        ]
        .concat(),
        _ => [at(2, &["WholeSer::x_down"]), part_down(3), part_down(3)].concat(),
    }
}

#[test]
fn parts_are_upgraded_before_their_parent_and_downgraded_after_it() {
    for release in [Release::R1, Release::R4] {
        let whole = WholeSer::default();
        let payload = payload_of(&whole, release);
        let decoded = logged(&[], || release.decode(&payload, &mut WholeSer::default()));
        assert_eq!(decoded, (Ok(()), whole_up(release)));
        let (_, ran) = logged(&[], || release.downgrade(&whole, &mut whole.clone()).map(drop));
        assert!(ran.starts_with(&whole_down(release)), "{ran:?}");
    }
}

#[test]
fn loading_and_planning_run_them_so() {
    let whole = WholeSer::default();
    for release in [Release::R1, Release::R4] {
        let (planned, ran) = logged(&[], || release.losses(&whole, &mut whole.clone(), &mut |_| ()));
        assert_eq!(planned, Ok(()));
        assert_eq!(ran, [whole_down(release), whole_up(release)].concat());

        let mut memory = buffer!(WholeSer);
        let (snapshot, ran) = logged(&[], || {
            release
                .downgrade_lossy(&whole, &mut whole.clone(), &mut |_| true)
                .and_then(|older| older.save(&mut memory))
                .unwrap()
        });
        assert!(ran.starts_with(&whole_down(release)), "{ran:?}");
        let mut loaded = WholeSer::default();
        let (loaded, ran) = logged(&[], || Release::load(snapshot, &mut loaded));
        assert_eq!((loaded, ran), (Ok(release), whole_up(release)));
    }
}

/// Nothing is translated between bytes and a mirror, or at the latest release.
#[test]
fn the_byte_layer_runs_none() {
    let whole = WholeSer::default();
    let mut memory = buffer!(WholeSer);
    let mut scratch = whole.clone();
    let older = Release::R1.downgrade(&whole, &mut scratch).unwrap();
    let ((), ran) = logged(&[], || {
        older.encode(&mut memory).unwrap();
        Release::save(&whole, &mut memory).unwrap();
    });
    assert_eq!(ran, []);
}

/// Of several that would refuse, the first in order is the one that is heard, and none runs after it.
#[test]
fn the_first_refusal_in_order_ends_it() {
    let part = PartSer::default();
    let payload_3 = payload_of(&part, Release::R3);
    let payload_1 = payload_of(&WholeSer::default(), Release::R1);
    let refused = ConversionError::new("as the test says");
    let all_of_step_4 = ["PartSer::a4_up", "PartSer::b_up", "PartSer::c4_up"];
    let (result, ran) = logged(&all_of_step_4, || {
        Release::R3.decode(&payload_3, &mut PartSer::default())
    });
    assert_eq!(result, Err(refused.at("PartSer", "a", 3).into()));
    assert_eq!(ran, at(3, &["PartSer::a4_up"]));

    let all_of_step_4 = ["PartSer::a4_down", "PartSer::b_down", "PartSer::c4_down"];
    let (result, ran) = logged(&all_of_step_4, || {
        Release::R1.downgrade(&part, &mut part.clone()).map(drop)
    });
    assert_eq!(result, Err(SaveError::Conversion(refused.at("PartSer", "c", 1))));
    assert_eq!(ran, at(1, &["PartSer::c4_down"]));

    let both_levels = ["PartSer::c4_up", "PartSer::a2_up", "WholeSer::x_up"];
    let (result, ran) = logged(&both_levels, || {
        Release::R1.decode(&payload_1, &mut WholeSer::default())
    });
    assert_eq!(result, Err(refused.at("PartSer", "a", 1).into()));
    assert_eq!(ran, part_up(1)[..2]);

    let both_levels = ["PartSer::c4_down", "WholeSer::y_down"];
    let mut memory = buffer!(WholeSer);
    let whole = WholeSer::default();
    let (result, ran) = logged(&both_levels, || {
        Release::R1
            .downgrade_lossy(&whole, &mut whole.clone(), &mut |_| unreachable!())
            .and_then(|older| older.save(&mut memory))
            .map(|_| ())
    });
    assert_eq!(result, Err(SaveError::Conversion(refused.at("WholeSer", "y", 1))));
    assert_eq!(ran, at(1, &["WholeSer::x_down", "WholeSer::y_down"]));
    assert_eq!(Release::LATEST, Release::R5);
}
