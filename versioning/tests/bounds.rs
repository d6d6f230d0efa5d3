//! Bounds that grew or shrank with a version: of each container, both ways, and at the limit.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::type_complexity,
    clippy::indexing_slicing,
    reason = "a test"
)]

use std::collections::BTreeMap;

use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::{
    Bytes, ConversionError, Expected, LoadErrorKind, Mirror, ReleaseTable, SaveError, Sequence, Str, Versioned, buffer,
    locate, max_snapshot_len, release_table,
};
use heapless::{Deque, String, Vec};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 3,
    layouts(0x8d0d_0582_d4bb_a492, 0xc1a3_8f3b_5d64_8caf, 0xca18_3554_5a9d_f89d)
)]
pub struct GrownSer {
    #[versioned(bound(1 = 2, 3 = 4))]
    pub queue: Vec<i16, 4>,
    #[versioned(bound(1 = 2, 3 = 4))]
    pub ring: Deque<u8, 4>,
    #[versioned(bound(1 = 4, 2 = 6))]
    pub name: String<6>,
    #[versioned(bound(1 = 2, 3 = 4))]
    pub levels: [u16; 4],
    #[versioned(bound(1 = 2, 2 = 300))]
    pub log: Option<Vec<u8, 300>>,
    #[versioned(start = 2, bound(2 = 1, 3 = 2))]
    pub late: Vec<bool, 2>,
    #[versioned(end = 3, bound(1 = 1, 2 = 2))]
    pub removed: Vec<u8, 2>,
    #[versioned(serde, max = 16, layout = "map/1", bound(1 = 5, 3 = 16))]
    pub foreign: BTreeMap<u8, u8>,
}

release_table! {
    pub enum Grown { V1 = 1 @ 0x8d0d_0582_d4bb_a492, V2 = 2 @ 0xc1a3_8f3b_5d64_8caf, V3 = 3 @ 0xca18_3554_5a9d_f89d }
    GrownSer => [1, 2, 3],
}

/// The same history before version 3, as the old build has it.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, name = "GrownSer", layouts(0x8d0d_0582_d4bb_a492))]
pub struct OldSer {
    pub queue: Vec<i16, 2>,
    pub ring: Deque<u8, 2>,
    pub name: String<4>,
    pub levels: [u16; 2],
    pub log: Option<Vec<u8, 2>>,
    pub removed: Vec<u8, 1>,
    #[versioned(serde, max = 5, layout = "map/1")]
    pub foreign: BTreeMap<u8, u8>,
}

release_table! {
    pub enum Old { V1 = 1 @ 0x8d0d_0582_d4bb_a492 }
    OldSer => [1],
}

fn small() -> GrownSer {
    GrownSer {
        queue: Vec::from_slice(&[-1, 2]).unwrap(),
        ring: Deque::try_from([3, 4]).unwrap(),
        name: "four".try_into().unwrap(),
        levels: [5, 6, 0, 0],
        log: Some(Vec::from_slice(&[7, 8]).unwrap()),
        foreign: [(1, 2), (3, 4)].into_iter().collect(),
        ..GrownSer::default()
    }
}

fn losses(release: Grown, value: &GrownSer) -> Result<std::vec::Vec<std::string::String>, SaveError> {
    let mut lost = std::vec::Vec::new();
    release.losses(value, &mut GrownSer::default(), &mut |loss| {
        lost.push(loss.field.display(GrownSer::SCHEMA).to_string());
    })?;
    Ok(lost)
}

#[test]
fn a_value_that_fits_the_older_bound_is_lossless_both_ways() {
    let value = small();
    let mut scratch = GrownSer::default();
    let mut memory = [0; 400];
    let snapshot = Grown::V1
        .downgrade(&value, &mut scratch)
        .unwrap()
        .save(&mut memory)
        .unwrap();
    let mut old = OldSer::default();
    assert_eq!(Old::load(snapshot, &mut old), Ok(Old::V1));
    assert_eq!(old.queue, [-1, 2]);
    assert_eq!(old.levels, [5, 6]);
    assert_eq!(old.name, "four");

    let mut memory = [0; 400];
    let written = Old::save(&old, &mut memory).unwrap();
    assert_eq!(written, snapshot, "the old build writes the same bytes");
    let mut read = GrownSer::default();
    assert_eq!(Grown::load(written, &mut read), Ok(Grown::V1));
    assert_eq!(read, value);
}

#[test]
fn each_value_beyond_the_older_bound_is_named() {
    let cases: [(&str, fn(&mut GrownSer)); 5] = [
        ("queue", |value| value.queue.push(3).unwrap()),
        ("ring", |value| value.ring.push_back(5).unwrap()),
        ("name", |value| value.name.push('!').unwrap()),
        ("levels[3]", |value| value.levels[3] = 1),
        ("log", |value| value.log.as_mut().unwrap().push(9).unwrap()),
    ];
    for (field, change) in cases {
        let mut value = small();
        change(&mut value);
        assert_eq!(losses(Grown::V1, &value), Ok(vec![field.to_owned()]));
        let refused = Grown::V1.downgrade(&value, &mut GrownSer::default()).map(drop);
        assert!(
            matches!(refused, Err(SaveError::Lossy { release: 1, .. })),
            "{field}: {refused:?}"
        );
    }
    let mut value = small();
    value.late.extend([true, true]);
    assert_eq!(losses(Grown::V2, &value), Ok(vec!["late".to_owned()]));
}

#[test]
fn a_loss_that_is_accepted_keeps_the_first_elements() {
    let mut value = small();
    value.queue.extend([3, 4]);
    value.ring.push_back(5).unwrap();
    value.name.clear();
    // Three bytes of "né!" end before the last character, and two of them are one character.
    value.name.push_str("n€!").unwrap();
    value.levels = [1, 2, 3, 4];
    value.log.as_mut().unwrap().push(9).unwrap();
    let mut scratch = GrownSer::default();
    let older = Grown::V1.downgrade_lossy(&value, &mut scratch, &mut |_| true).unwrap();
    let mut memory = [0; 400];
    let mut old = OldSer::default();
    Old::load(older.save(&mut memory).unwrap(), &mut old).unwrap();
    assert_eq!(old.queue, [-1, 2]);
    assert_eq!(old.ring.iter().copied().collect::<std::vec::Vec<_>>(), [3, 4]);
    assert_eq!(old.name, "n€");
    assert_eq!(old.levels, [1, 2]);
    assert_eq!(old.log.as_deref(), Some(&[7, 8][..]));
}

#[test]
fn a_foreign_value_beyond_the_older_bound_is_refused_with_its_name() {
    let mut value = small();
    value.foreign.insert(9, 9);
    let error = losses(Grown::V1, &value).unwrap_err();
    let SaveError::Conversion(ConversionError {
        mirror, field, version, ..
    }) = error
    else {
        panic!("{error}")
    };
    assert_eq!((mirror, field, version), ("GrownSer", "foreign", 1));
    assert_eq!(losses(Grown::V3, &value), Ok(vec![]));
}

#[test]
fn a_length_above_the_bound_of_its_version_is_refused() {
    let mut scratch = GrownSer::default();
    let mut memory = [0; 400];
    let older = Grown::V1.downgrade(&GrownSer::default(), &mut scratch).unwrap();
    let payload = older.encode(&mut memory).unwrap();
    let mut hostile = payload.to_vec();
    hostile.splice(0..1, [3, 1, 0, 2, 0, 3, 0]);
    let error = Grown::V1.decode(&hostile, &mut GrownSer::default()).unwrap_err();
    let expected = Expected::LengthUpTo(2);
    assert_eq!(error.kind, LoadErrorKind::Value { expected, found: 3 });
    let walked = PayloadSchema::of::<Grown, GrownSer>(Grown::V1).walk(&hostile, 0, &mut |_| {});
    assert_eq!(
        walked.map_err(|unreadable| unreadable.error),
        Err(error),
        "a walk sees the same"
    );
}

#[test]
fn a_walk_knows_the_bound_of_each_version() {
    let value = small();
    for release in Grown::ALL {
        let mut scratch = GrownSer::default();
        let mut memory = [0; 400];
        let translated = release.downgrade(&value, &mut scratch).unwrap();
        let payload = translated.encode(&mut memory).unwrap();
        let mut end = 0;
        PayloadSchema::of::<Grown, GrownSer>(*release)
            .walk(payload, 0, &mut |item| end = item.offset + item.len)
            .unwrap();
        assert_eq!(end, payload.len());
    }
}

#[test]
fn the_longest_snapshot_is_that_of_the_longest_bounds() {
    // 3: queue 1 + 8, ring 1 + 4, name 1 + 6, levels 8, log 1 + 2 + 300, late 1 + 2, foreign 1 + 16.
    assert_eq!(max_snapshot_len::<GrownSer>(), 32 + 9 + 5 + 7 + 8 + 303 + 3 + 17);
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xea17_adaa_eda9_fc4e, 0xc6d9_b75a_bfda_0718))]
pub struct ShrunkSer {
    #[versioned(bound(1 = 4, 2 = 2))]
    pub queue: Vec<u8, 2>,
    #[versioned(bound(1 = 4, 2 = 2))]
    pub levels: [u16; 2],
    #[versioned(bound(1 = 200, 2 = 3))]
    pub name: String<3>,
}

release_table! {
    pub enum Shrunk { V1 = 1 @ 0xea17_adaa_eda9_fc4e, V2 = 2 @ 0xc6d9_b75a_bfda_0718 }
    ShrunkSer => [1, 2],
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, name = "ShrunkSer", layouts(0xea17_adaa_eda9_fc4e))]
pub struct LongSer {
    pub queue: Vec<u8, 4>,
    pub levels: [u16; 4],
    pub name: String<200>,
}

release_table! {
    pub enum Long { V1 = 1 @ 0xea17_adaa_eda9_fc4e }
    LongSer => [1],
}

/// Saves with the old build, loads with the new one, and returns the error and its field.
fn shrunk(long: &LongSer) -> Result<ShrunkSer, (LoadErrorKind, std::string::String)> {
    let mut memory = buffer!(LongSer);
    let snapshot = Long::save(long, &mut memory).unwrap();
    let mut read = ShrunkSer::default();
    match Shrunk::load(snapshot, &mut read) {
        Ok(_) => Ok(read),
        Err(error) => {
            let field = locate::<Shrunk, ShrunkSer>(snapshot, &error).unwrap();
            Err((error.kind, field.to_string()))
        }
    }
}

#[test]
fn a_value_that_fits_the_smaller_bound_is_loaded_and_saved_again() {
    let long = LongSer {
        queue: Vec::from_slice(&[1, 2]).unwrap(),
        levels: [1, 2, 0, 0],
        name: "abc".try_into().unwrap(),
    };
    let read = shrunk(&long).unwrap();
    assert_eq!(
        (read.queue.as_slice(), read.levels, read.name.as_str()),
        (&[1, 2][..], [1, 2], "abc")
    );
    let mut scratch = ShrunkSer::default();
    let mut memory = [0; 300];
    let snapshot = Shrunk::V1
        .downgrade(&read, &mut scratch)
        .unwrap()
        .save(&mut memory)
        .unwrap();
    let mut again = LongSer::default();
    Long::load(snapshot, &mut again).unwrap();
    assert_eq!(again, long);
}

#[test]
fn a_value_that_does_not_fit_the_smaller_bound_is_refused_on_loading() {
    let too_long = |found| LoadErrorKind::Value {
        expected: Expected::LengthUpTo(2),
        found,
    };
    let long = LongSer {
        queue: Vec::from_slice(&[1, 2, 3]).unwrap(),
        ..LongSer::default()
    };
    assert_eq!(shrunk(&long), Err((too_long(3), "queue".to_owned())));
    let long = LongSer {
        levels: [0, 0, 0, 1],
        ..LongSer::default()
    };
    let kind = LoadErrorKind::Value {
        expected: Expected::DefaultElement,
        found: 3,
    };
    assert_eq!(shrunk(&long), Err((kind, "levels[3]".to_owned())));
    let long = LongSer {
        name: "x".repeat(150).as_str().try_into().unwrap(),
        ..LongSer::default()
    };
    let kind = LoadErrorKind::Value {
        expected: Expected::LengthUpTo(3),
        found: 150,
    };
    assert_eq!(shrunk(&long), Err((kind, "name".to_owned())));
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x7ae7_4621_50fe_14f6))]
pub struct LineSer<'a> {
    pub text: Str<'a, 8>,
}

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 2, layouts(0x2f1b_9691_ba75_4775, 0x8523_0d24_d9ae_10c3))]
pub struct LogSer<'a> {
    #[versioned(bound(1 = 2, 2 = 1000))]
    pub lines: Sequence<'a, LineSer<'a>, 1000>,
    #[versioned(bound(1 = 2, 2 = 4))]
    pub title: Str<'a, 4>,
    #[versioned(bound(1 = 2, 2 = 4))]
    pub raw: Bytes<'a, 4>,
}

#[derive(Versioned, Clone, Debug, PartialEq)]
#[versioned(version = 2, layouts(0xc2d3_c2df_e08a_8df3, 0x060e_0e39_ac1d_abf0))]
pub enum EventSer {
    Nothing,
    Batch(#[versioned(bound(1 = 1, 2 = 3))] Vec<u8, 3>),
}

release_table! {
    pub enum Log { V1 = 1 @ 0x6cd6_9f92_ebfd_ea5e, V2 = 2 @ 0x0618_617f_d6c9_d1a9 }
    LineSer<'_> => [1, 1],
    LogSer<'_> => [1, 2],
    EventSer => [1, 2],
}

#[test]
fn a_sequence_beyond_the_older_bound_is_refused_and_borrowed_text_is_a_loss() {
    let lines = ["one", "two", "three"];
    let source = lines.iter().map(|text| LineSer {
        text: Str::new(text).unwrap_or_default(),
    });
    let log = LogSer {
        lines: Sequence::from_source(&source),
        title: Str::new("a€").unwrap(),
        raw: Bytes::new(&[1, 2, 3]).unwrap(),
    };
    let mut scratch = LogSer::default();
    let refused = Log::V1.downgrade(&log, &mut scratch).map(drop).unwrap_err();
    assert!(refused.to_string().contains("LogSer.lines"), "{refused}");

    let two = lines[..2].iter().map(|text| LineSer {
        text: Str::new(text).unwrap_or_default(),
    });
    let log = LogSer {
        lines: Sequence::from_source(&two),
        ..log
    };
    let mut lost = std::vec::Vec::new();
    let mut scratch = LogSer::default();
    let older = Log::V1
        .downgrade_lossy(&log, &mut scratch, &mut |loss| {
            lost.push(loss.field.display(LogSer::SCHEMA).to_string());
            true
        })
        .unwrap();
    let mut memory = [0; 100];
    let snapshot = older.save(&mut memory).unwrap();
    let mut read = LogSer::default();
    assert_eq!(Log::load(snapshot, &mut read), Ok(Log::V1));
    assert_eq!(lost, ["title", "raw"]);
    assert_eq!(
        (read.title.get(), read.raw.get(), read.lines.len()),
        ("a", &[1, 2][..], 2)
    );
}

#[test]
fn a_field_of_a_variant_has_bounds_too() {
    let long = EventSer::Batch(Vec::from_slice(&[1, 2]).unwrap());
    let refused = Log::V1.downgrade(&long, &mut EventSer::Nothing).map(drop);
    assert!(matches!(refused, Err(SaveError::Lossy { .. })), "{refused:?}");
    let short = EventSer::Batch(Vec::from_slice(&[1]).unwrap());
    let mut scratch = EventSer::Nothing;
    let mut memory = [0; 100];
    let snapshot = Log::V1
        .downgrade(&short, &mut scratch)
        .unwrap()
        .save(&mut memory)
        .unwrap();
    let mut read = EventSer::Nothing;
    assert_eq!(Log::load(snapshot, &mut read), Ok(Log::V1));
    assert_eq!(read, short);
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 4,
    layouts(0x8797_2750_a14d_e31e, 0x3ad2_f061_fbec_9fbf, 0x7405_ec5a_b3c8_8029, open)
)]
pub struct WavesSer {
    #[versioned(bound(1 = 1, 2 = 3, 3 = 2, 4 = 3))]
    pub queue: Vec<u8, 3>,
}

release_table! {
    pub enum Waves { V1 = 1 @ 0x8797_2750_a14d_e31e, V2 = 2 @ 0x3ad2_f061_fbec_9fbf, V3 = 3 @ 0x7405_ec5a_b3c8_8029, V4 = 4 @ open }
    WavesSer => [1, 2, 3, 4],
}

#[test]
fn a_bound_grows_again_after_it_shrank() {
    let fits = |length: usize| {
        let waves = WavesSer {
            queue: Vec::from_slice(&[7; 3][..length]).unwrap(),
        };
        let mut scratch = WavesSer::default();
        let releases = Waves::ALL.iter();
        releases
            .filter(|release| release.downgrade(&waves, &mut scratch).is_ok())
            .map(|release| release.number())
            .collect::<std::vec::Vec<_>>()
    };
    assert_eq!(fits(1), [1, 2, 3, 4]);
    assert_eq!(fits(2), [2, 3, 4]);
    assert_eq!(fits(3), [2, 4]);
}

/// The same bound on two branches, one of which goes on from the other's parent. The list is in no order.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 4, branch(3 = 1), layouts(0xafa7_2401_a16f_3cb2, 0xcae3_2bda_079d_5b8c, 0xb779_eab3_8be7_ef8d, open))]
pub struct TwigsSer {
    #[versioned(bound(3 = 2, 2 = 2, 4 = 3, 1 = 1))]
    pub queue: Vec<u8, 3>,
}

#[test]
fn the_bounds_of_a_field_may_stand_in_any_order() {
    let made: std::vec::Vec<_> = TwigsSer::SCHEMA
        .history
        .changes
        .iter()
        .map(|change| change.versions)
        .collect();
    assert_eq!(made, [&[2, 3][..], &[4]]);
}
