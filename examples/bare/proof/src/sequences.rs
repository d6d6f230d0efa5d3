//! Sequences that are not held, borrowed text, options and enums, of two releases.

use core::hint::black_box;
use devstate_versioning::checksum::Crc64Nibbles;
use devstate_versioning::{Architecture, Bytes, Loss, Options, ReleaseTable, Sequence, Str, Versioned, release_table};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x289e_7708_eeae_6e76, open))]
pub struct ItemSer<'a> {
    pub key: Str<'a, 32>,
    pub value: Bytes<'a, 1024>,
    #[versioned(start = 2)]
    pub kind: Kind,
    #[versioned(start = 2)]
    pub expires: Option<u64>,
}

#[derive(Versioned, Clone, Copy, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(open))]
pub enum Kind {
    #[default]
    Plain,
    Signed {
        key: i32,
    },
}

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(0x6d4d_57bc_e098_88ba))]
pub struct StoreSer<'a> {
    pub letter: char,
    pub items: Sequence<'a, ItemSer<'a>, 1_000_000>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x95eb_cec5_cf46_f730, V2 = 2 @ open }
    Kind => [_, 1],
    ItemSer<'_> => [1, 2],
    StoreSer<'_> => [1, 1],
}

pub fn prove(bytes: &mut [u8]) {
    let release = black_box(Release::LATEST);
    let options = Options::<Crc64Nibbles>::new(black_box(Architecture::Any));
    let (from, to) = bytes.split_at_mut(black_box(7).min(bytes.len()));

    let mut store = StoreSer::default();
    black_box(Release::load_with(options, from, &mut store).is_ok());
    prove_writing(&store, to);
    let mut store = StoreSer::default();
    black_box(release.decode(from, &mut store).is_ok());
    black_box((store.items.len(), store.items.is_empty()));
    let visited = store.items.visit(&mut |item| {
        black_box(item);
    });
    black_box(visited.is_ok());

    let source = from.iter().map(|_| black_box(ItemSer::default()));
    let store = StoreSer {
        letter: black_box('a'),
        items: Sequence::from_source(&source),
    };
    prove_writing(&store, to);
}

fn prove_writing(store: &StoreSer<'_>, to: &mut [u8]) {
    let release = black_box(Release::LATEST);
    let options = Options::<Crc64Nibbles>::new(black_box(Architecture::Any));
    let scratch = &mut StoreSer::default();
    let latest = Release::latest(store).with_options(options);
    black_box(latest.snapshot_len());
    black_box(latest.save(to).is_ok());
    if let Ok(older) = release.downgrade(store, scratch) {
        black_box(older.with_options(options).save(to).is_ok());
    }
    if let Ok(older) = Release::downgrade_compatible(store, release, scratch) {
        black_box(older.with_options(options).save(to).is_ok());
    }
    let visit = &mut |loss: &Loss| {
        black_box(*loss);
    };
    black_box(release.losses(store, scratch, visit).is_ok());
}
