//! Sequences that are written from an iterator and visited in the buffer.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::{
    ConversionError, Expected, LoadErrorKind, Mirror, ReleaseTable, SaveError, Sequence, Str, Versioned, buffer,
    release_table,
};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xe3c0_7aac_89db_575f, open))]
pub struct ItemSer<'a> {
    pub key: Str<'a, 8>,
    #[versioned(start = 2, ser_fn = refuse_flag_3)]
    pub flags: u8,
    #[versioned(start = 2, ignorable)]
    pub hits: u32,
}

fn refuse_flag_3(item: &mut ItemSer<'_>, _version: u16) -> Result<(), ConversionError> {
    if item.flags == 3 {
        Err(ConversionError::new("flag 3 has no counterpart"))
    } else {
        Ok(())
    }
}

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(0xa77e_fab0_2534_f862))]
pub struct ListSer<'a> {
    pub number: u16,
    pub items: Sequence<'a, ItemSer<'a>, 3>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x8b3f_755c_af10_4fc1, V2 = 2 @ open }
    ItemSer<'_> => [1, 2],
    ListSer<'_> => [1, 1],
}

fn item(key: &str, flags: u8, hits: u32) -> ItemSer<'_> {
    ItemSer {
        key: Str::new(key).unwrap(),
        flags,
        hits,
    }
}

/// Calls `test` with a list of these items.
fn with_list<T>(items: &[ItemSer<'_>], test: impl FnOnce(&ListSer<'_>) -> T) -> T {
    let source = items.iter().cloned();
    test(&ListSer {
        number: 7,
        items: Sequence::from_source(&source),
    })
}

#[test]
fn items_come_back_where_they_lie_in_the_buffer() {
    let items = [item("one", 1, 2), item("two", 2, 4)];
    let mut memory = [0; 100];
    with_list(&items, |list| {
        let length = Release::latest(list).snapshot_len();
        let snapshot = Release::save(list, &mut memory).unwrap();
        assert_eq!(snapshot.len(), length);
        let mut loaded = ListSer::default();
        Release::load(snapshot, &mut loaded).unwrap();
        assert_eq!((loaded.number, loaded.items.len()), (7, 2));
        let mut read = Vec::new();
        loaded
            .items
            .visit(&mut |item| {
                assert!(snapshot.as_ptr_range().contains(&item.key.as_ptr()));
                read.push(item.clone());
            })
            .unwrap();
        assert_eq!(read, items);
        // What was loaded can be saved again.
        let mut again = [0; 100];
        assert_eq!(Release::save(&loaded, &mut again).unwrap(), snapshot);
    });
}

#[test]
fn an_older_release_names_the_item_that_it_would_lose() {
    let losses = |items: &[ItemSer<'_>]| {
        let mut losses = Vec::new();
        with_list(items, |list| {
            Release::V1.losses(list, &mut list.clone(), &mut |loss| {
                losses.push((loss.field.display(ListSer::SCHEMA).to_string(), loss.ignorable));
            })
        })
        .map(|()| losses)
    };
    assert_eq!(losses(&[item("a", 0, 0)]).unwrap(), []);
    assert_eq!(
        losses(&[item("a", 0, 5)]).unwrap(),
        [("items[0].hits".to_owned(), true)]
    );
    assert_eq!(
        losses(&[item("a", 0, 5), item("b", 1, 0)]).unwrap(),
        [("items[0].hits".to_owned(), true), ("items[1].flags".to_owned(), false)]
    );
    assert!(matches!(losses(&[item("a", 3, 0)]), Err(SaveError::Conversion(error)) if error.field == "flags"));
    let mut memory = [0; 100];
    let error = with_list(&[item("a", 3, 0)], |list| {
        Release::V1
            .downgrade(list, &mut list.clone())
            .and_then(|older| older.save(&mut memory))
            .unwrap_err()
    });
    assert!(matches!(error, SaveError::Conversion(_)), "{error}");
    with_list(&[item("a", 0, 0)], |list| {
        let snapshot = Release::V1
            .downgrade(list, &mut list.clone())
            .and_then(|older| older.save(&mut memory))
            .unwrap();
        let mut loaded = ListSer::default();
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V1));
        let mut read = Vec::new();
        loaded.items.visit(&mut |item| read.push(item.clone())).unwrap();
        assert_eq!(read, [item("a", 0, 0)]);
    });
}

#[test]
fn more_items_than_the_bound_are_refused_both_ways() {
    let items = [item("a", 0, 0), item("b", 0, 0), item("c", 0, 0), item("d", 0, 0)];
    let mut memory = [0; 200];
    let error = with_list(&items, |list| Release::save(list, &mut memory).unwrap_err());
    assert_eq!(
        error,
        SaveError::Value {
            expected: Expected::LengthUpTo(3),
            found: 4
        }
    );
    let mut loaded = ListSer::default();
    let error = Release::V2.decode(&[7, 0, 4], &mut loaded).unwrap_err();
    assert_eq!(
        (error.kind, error.offset),
        (
            LoadErrorKind::Value {
                expected: Expected::LengthUpTo(3),
                found: 4
            },
            Some(2)
        )
    );
}

/// A list that came with version 2, of items that it can also hold none of.
#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 2, layouts(0x4597_a8d7_25b6_221f, 0x6d67_49cd_d2b9_359b))]
pub struct LaterSer<'a> {
    pub number: u16,
    #[versioned(start = 2)]
    pub items: Sequence<'a, MarkSer, 3>,
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xcac7_cbb4_23fc_121d, open))]
pub struct MarkSer {
    pub at: u8,
    #[versioned(start = 2)]
    pub color: u8,
}

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(0x8788_fdaa_1cc2_2d74))]
pub struct UnitSer;

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(0x5b40_c71d_7203_717e))]
pub struct UnitsSer<'a> {
    pub units: Sequence<'a, UnitSer, { u32::MAX as usize }>,
}

/// Values without bytes take no memory either.
#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(open))]
pub struct HeldSer {
    pub row: heapless::Vec<UnitSer, 0xffff_ffff>,
    pub ring: heapless::Deque<UnitSer, 0xffff_ffff>,
}

release_table! {
    pub enum Later { V1 = 1 @ 0xf329_3952_d877_d32e, V2 = 2 @ 0x1af8_da49_857a_e6aa, V3 = 3 @ open }
    MarkSer => [1, 1, 2],
    LaterSer<'_> => [1, 2, 2],
    UnitSer => [1, 1, 1],
    UnitsSer<'_> => [1, 1, 1],
    HeldSer => [_, _, 1],
}

fn marks(list: &LaterSer<'_>) -> Vec<(u8, u8)> {
    let mut seen = Vec::new();
    list.items.visit(&mut |mark| seen.push((mark.at, mark.color))).unwrap();
    seen
}

#[test]
fn a_list_of_nothing_is_saved_and_comes_back() {
    let mut memory = [0; 64];
    let list = LaterSer {
        number: 5,
        ..LaterSer::default()
    };
    for release in [Later::V1, Later::V2, Later::V3] {
        let snapshot = release
            .downgrade(&list, &mut list.clone())
            .and_then(|older| older.save(&mut memory))
            .unwrap();
        let mut loaded = LaterSer::default();
        assert_eq!(Later::load(snapshot, &mut loaded), Ok(release));
        assert_eq!((loaded.number, marks(&loaded)), (5, vec![]));
    }
}

#[test]
fn a_sequence_of_an_older_release_can_be_written_at_the_latest() {
    let source = [1, 2].iter().map(|&at| MarkSer { at, color: 0 });
    let list = LaterSer {
        number: 5,
        items: Sequence::from_source(&source),
    };
    let (mut memory, mut newer) = ([0; 64], [0; 64]);
    let snapshot = Later::V2
        .downgrade(&list, &mut list.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut loaded = LaterSer::default();
    Later::load(snapshot, &mut loaded).unwrap();
    let snapshot = Later::save(&loaded, &mut newer).unwrap();
    let mut again = LaterSer::default();
    assert_eq!(Later::load(snapshot, &mut again), Ok(Later::V3));
    assert_eq!(marks(&again), [(1, 0), (2, 0)]);
}

#[test]
fn a_release_without_the_list_loses_all_of_it() {
    let source = [1].iter().map(|&at| MarkSer { at, color: 0 });
    let list = LaterSer {
        number: 5,
        items: Sequence::from_source(&source),
    };
    let mut gone = Vec::new();
    Later::V1
        .losses(&list, &mut list.clone(), &mut |loss| {
            gone.push(loss.field.display(LaterSer::SCHEMA).to_string());
        })
        .unwrap();
    assert_eq!(gone, ["items"]);
    Later::V1.downgrade(&list, &mut list.clone()).map(drop).unwrap_err();
}

#[test]
fn a_length_announces_at_most_127_items_of_no_bytes() {
    let mut units = UnitsSer::default();
    // Base 128: five bytes for 2^32 - 1.
    for (payload, found) in [(&[0xff, 0xff, 0xff, 0xff, 0x0f][..], 0xffff_ffff), (&[0x80, 0x01], 128)] {
        let error = Later::V3.decode(payload, &mut units).unwrap_err();
        let expected = Expected::LengthUpTo(127);
        assert_eq!(error, LoadErrorKind::Value { expected, found }.at(0));
        let walked = PayloadSchema::of::<Later, UnitsSer<'_>>(Later::V3).walk(payload, 0, &mut |_| {});
        assert_eq!(walked.map_err(|unreadable| unreadable.error), Err(error));
    }
    Later::V3.decode(&[0x7f], &mut units).unwrap();
    let mut visited = 0;
    units.units.visit(&mut |_| visited += 1).unwrap();
    assert_eq!(visited, 127);
}

#[test]
fn more_than_127_items_of_no_bytes_are_not_written_either() {
    for (count, fits) in [(127, true), (128, false)] {
        let source = vec![UnitSer; count].into_iter();
        let units = UnitsSer {
            units: Sequence::from_source(&source),
        };
        let saved = Later::save(&units, &mut [0; 64]).map(drop);
        let refused = SaveError::Value {
            expected: Expected::LengthUpTo(127),
            found: 128,
        };
        assert_eq!(saved, if fits { Ok(()) } else { Err(refused) });
    }
}

#[test]
fn containers_of_items_of_no_bytes_have_the_same_limit() {
    let mut held = HeldSer::default();
    for payload in [[0xff, 0xff, 0xff, 0x07, 0], [0, 0xff, 0xff, 0xff, 0x07]] {
        let error = Later::V3.decode(&payload, &mut held).unwrap_err();
        let expected = Expected::LengthUpTo(127);
        assert!(
            matches!(error.kind, LoadErrorKind::Value { expected: found, .. } if found == expected),
            "{error}"
        );
    }
    held.row.resize(127, UnitSer).unwrap();
    Later::save(&held, &mut [0; 64]).unwrap();
    held.row.push(UnitSer).unwrap();
    Later::save(&held, &mut [0; 64]).unwrap_err();
}

#[test]
fn too_many_items_are_refused_even_if_the_buffer_is_long_enough() {
    let items = vec![item("12345678", 1, 2); 4];
    with_list(&items, |list| {
        let mut memory = buffer!(ListSer<'_>);
        let refused = Release::save(list, &mut memory).map(drop);
        let expected = Expected::LengthUpTo(3);
        assert_eq!(refused, Err(SaveError::Value { expected, found: 4 }));
    });
}
