//! The export of a key-value store by size: 32-byte keys, values of 64 to 1,024 bytes.

use std::cell::OnceCell;
use std::hint::black_box;
use std::rc::Rc;

use devstate_core::Region;
use devstate_kv_store_export::{Item, Release, Store, export_with};
use devstate_versioning::checksum::{Checksum, Crc64Slice16};
use serde::Serialize;
use versionize::{VersionMap, Versionize, VersionizeResult};
use versionize_derive::Versionize;

use crate::case::Case;
use devstate_kv_store_export::linux::Crc64Simd;

/// Runs the expression with the store that holds the items.
macro_rules! with_store {
    ($any:expr, $store:ident => $body:expr) => {
        match $any {
            AnyStore::Small($store) => $body,
            AnyStore::Middle($store) => $body,
            AnyStore::Large($store) => $body,
        }
    };
}

/// A way to export: its name, and what it does. It returns the number of bytes.
type Exporter = (&'static str, fn(&Goods, &mut [u8]) -> usize);

const DEVSTATE: Exporter = ("devstate + crc-fast", devstate::<Crc64Simd>);

const EXPORTERS: &[Exporter] = &[
    ("memcpy in one block", copy),
    ("memcpy + crc-fast", copy_and_sum::<Crc64Simd>),
    ("by hand, no promises + crc-fast", by_hand_without_promises::<Crc64Simd>),
    ("by hand + crc-fast", by_hand::<Crc64Simd>),
    DEVSTATE,
    ("by hand + sixteen tables", by_hand::<Crc64Slice16>),
    ("devstate + sixteen tables", devstate::<Crc64Slice16>),
    ("postcard (borrowed), no checksum", postcard),
    ("versionize + crc64", versionize),
];

/// What is exported, in the form that each exporter starts from.
struct Goods {
    store: AnyStore,
    /// The export as one block.
    block: Vec<u8>,
    owned: VersionizeExport,
}

enum AnyStore {
    Small(Box<Store<10, 20_000>>),
    Middle(Box<Store<1_000, 2_000_000>>),
    Large(Box<Store<100_000, 110_000_000>>),
}

#[derive(Versionize, Clone, Debug, Default)]
struct VersionizeItem {
    key: String,
    value: Vec<u8>,
    sensitive: bool,
    written: u64,
}

#[derive(Versionize, Clone, Debug, Default)]
struct VersionizeExport {
    items: Vec<VersionizeItem>,
}

#[derive(Serialize)]
struct PostcardItem<'a> {
    key: &'a str,
    value: &'a [u8],
    sensitive: bool,
    written: u64,
}

pub fn cases(cases: &mut Vec<Case>) {
    for size in [10, 1_000, 100_000] {
        let values = Values::Mixed;
        add(
            cases,
            "key-value export",
            EXPORTERS,
            size,
            values,
            format!("{size} items"),
        );
    }
    for len in [64, 256, 1_024] {
        for size in [10, 1_000, 10_000, 100_000] {
            let column = format!("{size} values of {len} bytes");
            add(
                cases,
                "key-value export by length",
                &[DEVSTATE],
                size,
                Values::Of(len),
                column,
            );
        }
    }
}

fn add(
    cases: &mut Vec<Case>,
    group: &'static str,
    exporters: &'static [Exporter],
    size: usize,
    values: Values,
    column: String,
) {
    // Made when the first case that needs it runs for the first time.
    let goods: Rc<OnceCell<Goods>> = Rc::default();
    let content = content(size, values);
    for &(name, export) in exporters {
        let (goods, mut buffer) = (goods.clone(), Vec::new());
        let case = Case::new(group, name, column.clone(), move || {
            let goods = goods.get_or_init(|| Goods::new(size, values));
            if buffer.is_empty() {
                buffer = vec![0; goods.block.len() + 32 * size + 8_192];
                let len = export(goods, &mut buffer);
                assert!(len >= content, "{name} exports {len} bytes of {content}");
            }
            black_box(export(black_box(goods), black_box(&mut buffer)));
        });
        let case = case.with_content(content);
        cases.push(if size == 100_000 { case.only_timed() } else { case });
    }
}

/// How long the values are.
#[derive(Clone, Copy)]
enum Values {
    /// 64 to 1,024 bytes.
    Mixed,
    Of(usize),
}

impl Values {
    fn len(self, index: usize) -> usize {
        match self {
            Self::Mixed => 64 + index.wrapping_mul(0x9e37_79b9) % 961,
            Self::Of(len) => len,
        }
    }
}

/// Key and value bytes of that many items.
fn content(size: usize, values: Values) -> usize {
    (0..size).map(|index| 32 + values.len(index)).sum()
}

impl Goods {
    fn new(size: usize, values: Values) -> Self {
        let store = match size {
            10 => AnyStore::Small(Box::new(Store::new())),
            1_000 => AnyStore::Middle(Box::new(Store::new())),
            _ => AnyStore::Large(Box::new(Store::new())),
        };
        let mut goods = Self {
            store,
            block: Vec::new(),
            owned: VersionizeExport::default(),
        };
        for index in 0..size {
            let key = format!("item.{index:027}");
            let value: Vec<u8> = (0..values.len(index)).map(|at| (at ^ index) as u8).collect();
            let item = Item {
                key: &key,
                value: &value,
                sensitive: index % 16 == 0,
                written: 1_767_323_046,
            };
            let written = with_store!(&mut goods.store, store => store.write_item(item));
            assert!(written.is_ok(), "{written:?}");
            goods.owned.items.push(VersionizeItem {
                key,
                value,
                sensitive: index % 16 == 0,
                written: 1_767_323_046,
            });
        }
        let mut block = vec![0; content(size, values) + size * 16 + 64];
        let len = by_hand::<Crc64Slice16>(&goods, &mut block);
        block.truncate(len);
        goods.block = block;
        goods
    }
}

fn copy(goods: &Goods, buffer: &mut [u8]) -> usize {
    let len = goods.block.len();
    buffer[..len].copy_from_slice(&goods.block);
    len
}

fn copy_and_sum<C: Checksum>(goods: &Goods, buffer: &mut [u8]) -> usize {
    let len = copy(goods, buffer);
    black_box(C::checksum(&buffer[..len]));
    len
}

fn devstate<C: Checksum>(goods: &Goods, buffer: &mut [u8]) -> usize {
    with_store!(&goods.store, store => {
        export_with::<C, _, _>(&**store, Release::LATEST, Region::from(buffer)).map_or(0, |sealed| sealed.len())
    })
}

/// The same fields from the same store, without versions: the limit. It finds out that the memory is too small when it
/// has filled it, and nothing says what the bytes are.
fn by_hand_without_promises<C: Checksum>(goods: &Goods, buffer: &mut [u8]) -> usize {
    with_store!(&goods.store, store => pack(store.iter(), buffer)).map_or(0, |len| with_checksum::<C>(buffer, len))
}

/// The same with what an export promises: nothing is written where it does not fit, a store without items exports
/// nothing, and the bytes start with what they are and how many.
fn by_hand<C: Checksum>(goods: &Goods, buffer: &mut [u8]) -> usize {
    with_store!(&goods.store, store => {
        let len: usize = store.iter().map(|item| packed_len(&item)).sum();
        if store.is_empty() || buffer.len() < HAND_HEADER_LEN + len + 8 {
            return 0;
        }
        let (header, payload) = buffer.split_at_mut(HAND_HEADER_LEN);
        header[..8].copy_from_slice(b"BYHAND01");
        header[8..].copy_from_slice(&(len as u64).to_le_bytes());
        pack(store.iter(), payload).map_or(0, |len| with_checksum::<C>(buffer, HAND_HEADER_LEN + len))
    })
}

const HAND_HEADER_LEN: usize = 16;

fn with_checksum<C: Checksum>(buffer: &mut [u8], len: usize) -> usize {
    let Some((summed, trailer)) = buffer.split_at_mut_checked(len) else {
        return 0;
    };
    let Some(trailer) = trailer.first_chunk_mut::<8>() else {
        return 0;
    };
    *trailer = C::checksum(summed).to_le_bytes();
    len + 8
}

fn packed_len(item: &Item<'_>) -> usize {
    item.key.len() + item.value.len() + 12
}

fn pack<'a>(items: impl Iterator<Item = Item<'a>>, buffer: &mut [u8]) -> Option<usize> {
    let available = buffer.len();
    let mut rest = buffer;
    for item in items {
        let (key, value) = (item.key.as_bytes(), item.value);
        let (window, tail) = rest.split_at_mut_checked(packed_len(&item))?;
        rest = tail;
        let (window, fixed) = window.split_last_chunk_mut::<9>()?;
        fixed[0] = u8::from(item.sensitive);
        fixed[1..].copy_from_slice(&item.written.to_le_bytes());
        let (start, window) = window.split_first_chunk_mut::<1>()?;
        *start = [key.len() as u8];
        let (place, window) = window.split_at_mut_checked(key.len())?;
        place.copy_from_slice(key);
        let (start, window) = window.split_first_chunk_mut::<2>()?;
        *start = (value.len() as u16).to_le_bytes();
        window.copy_from_slice(value);
    }
    Some(available - rest.len())
}

fn postcard(goods: &Goods, buffer: &mut [u8]) -> usize {
    let available = buffer.len();
    let mut rest = buffer;
    with_store!(&goods.store, store => {
        for Item { key, value, sensitive, written } in store.iter() {
            let item = PostcardItem { key, value, sensitive, written };
            let Ok(used) = postcard::to_slice(&item, rest).map(|used| used.len()) else { return 0 };
            rest = &mut rest[used..];
        }
    });
    available - rest.len()
}

fn versionize(goods: &Goods, buffer: &mut [u8]) -> usize {
    let available = buffer.len();
    let mut rest = &mut *buffer;
    if goods.owned.serialize(&mut rest, &VersionMap::new(), 1).is_err() {
        return 0;
    }
    let len = available - rest.len();
    black_box(crc64::crc64(0, &buffer[..len]));
    len
}
