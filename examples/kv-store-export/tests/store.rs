//! The store and its export where there is no other process: in memory of one's own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use devstate_core::Region;
use devstate_kv_store_export::{
    ExportError, Exportable, ExportableError, ExportableSer, Item, ItemSer, Release, Store, WriteError, export,
    export_into, export_len, export_len_at,
};
use devstate_versioning::checksum::Crc64;
use devstate_versioning::{
    Architecture, Bytes, Header, LoadErrorKind, Options, ReleaseTable, Sequence, Sink, Str, Versioned, release_table,
};

const ZEBRA: Item<'_> = Item::new("zebra", b"last");
const APPLE: Item<'_> = Item {
    sensitive: true,
    written: 5,
    ..Item::new("apple", b"first")
};

fn store_of(items: &[Item<'_>]) -> Store<4, 64> {
    let mut store = Store::new();
    for item in items {
        store.write_item(*item).unwrap();
    }
    store
}

fn store() -> Store<4, 64> {
    store_of(&[ZEBRA, APPLE])
}

/// What a store exports at a release.
fn exported(store: &Store<4, 64>, release: Release) -> Vec<u8> {
    let mut memory = [0; 200];
    export(store, release, Region::from(&mut memory[..])).unwrap().to_vec()
}

fn items(export: &[u8]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let export = Exportable::load(export).unwrap();
    export.visit(&mut |item| items.push(item)).unwrap();
    items
}

#[test]
fn an_export_is_sealed_as_long_as_it_is_and_comes_back_in_order() {
    let store = store();
    let mut memory = [0xa5; 200];
    let sealed = export(&store, Release::LATEST, Region::from(&mut memory[..])).unwrap();
    assert_eq!(Ok(sealed.len()), export_len(&store, Release::LATEST));
    let bytes = sealed.into_bytes();
    let items = items(bytes);
    assert_eq!(items, [APPLE, ZEBRA]);
    assert!(
        bytes.as_ptr_range().contains(&items[0].value.as_ptr()),
        "values are borrowed from the export"
    );
    assert!(
        memory[sealed_len(&store)..].iter().all(|byte| *byte == 0xa5),
        "bytes behind the export were written"
    );
}

/// An export as any serde user sees it, from the page on the format alone.
mod plain {
    use serde::Deserialize;

    #[derive(Deserialize, Debug, PartialEq)]
    pub(super) struct Item1<'a> {
        pub(super) key: &'a str,
        pub(super) value: &'a [u8],
    }

    #[derive(Deserialize, Debug, PartialEq)]
    pub(super) struct Item2<'a> {
        pub(super) key: &'a str,
        pub(super) value: &'a [u8],
        pub(super) sensitive: bool,
        #[serde(with = "postcard::fixint::le")]
        pub(super) written: u64,
    }
}

#[test]
fn postcard_reads_what_an_export_holds() {
    let payload = |store: &Store<4, 64>, release| {
        let bytes = exported(store, release);
        bytes[Header::LEN..bytes.len() - Header::TRAILER_LEN].to_vec()
    };
    let latest = payload(&store(), Release::LATEST);
    let [apple, zebra] =
        [("apple", &b"first"[..], true, 5), ("zebra", b"last", false, 0)].map(|(key, value, sensitive, written)| {
            plain::Item2 {
                key,
                value,
                sensitive,
                written,
            }
        });
    let (items, rest) = postcard::take_from_bytes::<Vec<plain::Item2<'_>>>(&latest).unwrap();
    assert_eq!((items, rest), (vec![apple, zebra], &[][..]));

    let older = payload(&store_of(&[Item::new("pear", b"green")]), Release::V1);
    let pear = plain::Item1 {
        key: "pear",
        value: b"green",
    };
    let (items, rest) = postcard::take_from_bytes::<Vec<plain::Item1<'_>>>(&older).unwrap();
    assert_eq!((items, rest), (vec![pear], &[][..]));
}

fn sealed_len(store: &Store<4, 64>) -> usize {
    export_len(store, Release::LATEST).unwrap()
}

#[test]
fn a_refused_export_gives_the_region_back_untouched() {
    let needed = sealed_len(&store());
    let mut memory = [0xa5; 200];
    let refuse = |store: &Store<4, 64>, release, len: usize, memory: &mut [u8]| {
        let refusal = export(store, release, Region::from(&mut memory[..len])).unwrap_err();
        assert_eq!(refusal.region.len(), len);
        assert!(refusal.region.as_bytes().iter().all(|byte| *byte == 0xa5));
        refusal.error
    };
    // Empty comes first, though nothing fits either.
    assert_eq!(
        refuse(&Store::new(), Release::LATEST, 0, &mut memory),
        ExportError::Empty
    );
    let too_small = ExportError::StorageTooSmall {
        needed,
        available: needed - 1,
    };
    assert_eq!(refuse(&store(), Release::LATEST, needed - 1, &mut memory), too_small);
    assert_eq!(
        refuse(&store(), Release::V1, 200, &mut memory),
        ExportError::Lossy { item: 0 }
    );
    export(&store(), Release::LATEST, Region::from(&mut memory[..needed])).unwrap();
}

#[test]
fn the_time_of_writing_does_not_keep_an_older_reader_out() {
    let lamp = Item::new("lamp", b"on");
    let export = exported(&store_of(&[Item { written: 7, ..lamp }]), Release::V1);
    assert_eq!(items(&export), [lamp]);
}

struct Gathered(Vec<u8>);

impl Sink for Gathered {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.0.extend_from_slice(bytes);
        true
    }
}

#[test]
fn a_sink_gets_the_same_bytes_as_a_region() {
    let mut store: Store<4, 2000> = Store::new();
    store.write_item(Item::new("long", &[7; 1500])).unwrap();
    store.write_item(Item::new("short", &[8; 3])).unwrap();
    let mut memory = [0; 2000];
    let sealed = export(&store, Release::LATEST, Region::from(&mut memory[..])).unwrap();
    let mut sink = Gathered(Vec::new());
    export_into::<Crc64, 4, 2000>(&store, &store.mark(), Release::LATEST, &mut [0; 100], &mut sink).unwrap();
    assert_eq!(sink.0, sealed.as_bytes());
}

#[test]
fn a_full_store_says_so_and_stays_as_it_was() {
    let mut store = store();
    let error = store.write_item(Item::new("long", &[0; 60])).unwrap_err();
    assert_eq!(
        error,
        WriteError::OutOfSpace {
            needed: 60,
            available: 64 - 9
        }
    );
    store.write_item(Item::new("mango", b"x")).unwrap();
    store.write_item(Item::new("melon", b"x")).unwrap();
    let error = store.write_item(Item::new("peach", b"x")).unwrap_err();
    assert_eq!(error, WriteError::TooManyItems { capacity: 4 });
    let keys: Vec<_> = store.iter().map(|item| item.key).collect();
    assert_eq!(keys, ["apple", "mango", "melon", "zebra"]);
}

#[test]
fn every_flipped_bit_of_an_export_is_noticed() {
    let export = exported(&store(), Release::LATEST);
    for bit in 0..export.len() * 8 {
        let mut flipped = export.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        Exportable::load(&flipped).unwrap_err();
    }
    let error = Exportable::load(&export[..export.len() - 1]).unwrap_err();
    assert!(
        matches!(&error, ExportableError::Load(error) if matches!(error.kind, LoadErrorKind::Truncated { .. })),
        "{error}"
    );
}

#[test]
fn the_item_that_an_older_release_cannot_say_is_named_however_late_it_comes() {
    let test = || {
        let mut store: Box<Store<70_000, { 1 << 20 }>> = Box::default();
        for i in 0..70_000 {
            let key = format!("k{i:05}");
            let item = Item {
                sensitive: i == 69_000,
                ..Item::new(&key, b"v")
            };
            store.write_item(item).unwrap();
        }
        assert_eq!(
            export_len(&store, Release::V1),
            Err(ExportError::Lossy { item: 69_000 })
        );
    };
    // A store is as large as it may become, and passes over the stack.
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(test).unwrap();
    thread.join().unwrap();
}

/// The store as it was when it had shipped its first release only.
mod first_release {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(version = 1, layouts(0x7524_49b6_a242_ebd7))]
    pub(super) struct ItemSer<'a> {
        pub(super) key: Str<'a, 64>,
        pub(super) value: Bytes<'a, 4096>,
    }

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(version = 1, layouts(0x7a54_ec76_ad9d_18cd))]
    pub(super) struct ExportableSer<'a> {
        pub(super) items: Sequence<'a, ItemSer<'a>, { 1 << 20 }>,
    }

    release_table! {
        pub(super) enum Release { V1 = 1 @ 0xef79_362d_4fe0_04a4 }
        ItemSer<'_> => [1],
        ExportableSer<'_> => [1],
    }
}

#[test]
fn a_reader_that_knows_only_the_first_release_reads_what_was_written_for_it() {
    let store = store_of(&[Item {
        written: 7,
        ..Item::new("lamp", b"on")
    }]);
    let options = Options::<Crc64>::new(Architecture::Any);
    let export = exported(&store, Release::V1);
    let mut exportable = first_release::ExportableSer::default();
    let release = first_release::Release::load_with(options, &export, &mut exportable).unwrap();
    assert_eq!(release, first_release::Release::V1);
    let mut items = Vec::new();
    exportable
        .items
        .visit(&mut |item| items.push((item.key.get(), item.value.get())))
        .unwrap();
    assert_eq!(items, [("lamp", &b"on"[..])]);

    let export = exported(&store, Release::V2);
    let mut exportable = first_release::ExportableSer::default();
    let error = first_release::Release::load_with(options, &export, &mut exportable).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::NewerRelease { found: 2, newest: 1 });
}

/// Items that come in any order are found, and exported in theirs.
#[test]
fn items_are_sorted_however_they_arrive() {
    let mut store: Store<1000, 4000> = Store::new();
    // 337 has no factor in common with 1,000: every number once.
    for index in (0..1000).map(|index| index * 337 % 1000) {
        let (key, value) = (format!("key{index:03}"), format!("{index}"));
        store.write_item(Item::new(&key, value.as_bytes())).unwrap();
        assert_eq!(store.write_item(Item::new(&key, b"x")), Err(WriteError::AlreadyExists));
    }
    for (index, item) in store.iter().enumerate() {
        assert_eq!(item.key, format!("key{index:03}"));
        assert_eq!(item.value, format!("{index}").as_bytes());
        assert_eq!(store.get(item.key), Some(item));
    }
    assert_eq!(store.get("key"), None);
    assert_eq!(store.iter().len(), 1000);
}

/// An export of any items, which no store would write.
fn forged(items: &[(&str, &[u8])]) -> Vec<u8> {
    let items: Vec<_> = items
        .iter()
        .map(|(key, value)| ItemSer {
            key: Str::new(key).unwrap(),
            value: Bytes::new(value).unwrap(),
            ..ItemSer::default()
        })
        .collect();
    let source = items.iter().cloned();
    let exportable = ExportableSer {
        items: Sequence::from_source(&source),
    };
    let mut memory = [0; 500];
    let options = Options::<Crc64>::new(Architecture::Any);
    let export = Release::latest(&exportable);
    export.with_options(options).save(&mut memory).unwrap().to_vec()
}

#[test]
fn an_export_that_no_store_writes_is_refused() {
    let load = |items: &[(&str, &[u8])]| Exportable::load(&forged(items)).map(|export| export.len());
    assert_eq!(load(&[("apple", b"x"), ("zebra", b"x")]), Ok(2));
    assert_eq!(
        load(&[("apple", b"x"), ("zebra", b"x"), ("zebra", b"y")]),
        Err(ExportableError::Order { item: 2 })
    );
    assert_eq!(
        load(&[("zebra", b"x"), ("apple", b"x"), ("\x1b", b"x")]),
        Err(ExportableError::Order { item: 1 }),
        "the first that is wrong is named"
    );
    for key in ["\x1b[2J", "lamp\r\n", "", "k", "lamp\u{202e}"] {
        assert_eq!(load(&[(key, b"x")]), Err(ExportableError::Key { item: 0 }), "{key:?}");
    }
    assert_eq!(load(&[("lamp", b"")]), Err(ExportableError::Value { item: 0 }));
}

#[test]
fn what_there_was_at_a_mark_is_exported_whatever_came_since() {
    let mut store = store();
    let mark = store.mark();
    let then = exported(&store, Release::LATEST);
    store.write_item(Item::new("aardvark", b"first of all")).unwrap();
    store.write_item(Item::new("lamp", b"in between")).unwrap();
    assert_eq!(export_len_at(&store, &mark, Release::LATEST), Ok(then.len()));
    let mut sink = Gathered(Vec::new());
    export_into::<Crc64, 4, 64>(&store, &mark, Release::LATEST, &mut [0; 100], &mut sink).unwrap();
    assert_eq!(sink.0, then);
    let sensitive = export_len_at(&store, &mark, Release::V1);
    assert_eq!(sensitive, Err(ExportError::Lossy { item: 0 }));
}
