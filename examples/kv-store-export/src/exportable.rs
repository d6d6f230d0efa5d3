//! The wire form of an export, and the releases that the store has shipped.

use core::{fmt, slice};

use devstate_versioning::checksum::Crc64Slice16;
use devstate_versioning::{Bytes, LoadError, ReleaseTable, Sequence, Source, Str, Versioned, release_table};

use crate::export::options;
use crate::store::{Item, KEY_LEN, Mark, Store, VALUE_LEN, is_valid_key};

/// The most items that an export has room for.
pub const MAX_ITEMS: usize = 1 << 20;

/// An item as it is exported.
#[derive(Versioned, Clone, Debug, Default, PartialEq, Eq)]
#[versioned(version = 2, layouts(0x7524_49b6_a242_ebd7, 0xa742_7265_4942_c45a))]
pub struct ItemSer<'a> {
    /// The key.
    pub key: Str<'a, KEY_LEN>,
    /// The value.
    pub value: Bytes<'a, VALUE_LEN>,
    /// Not to be shown unless someone asks for it. A reader that does not know would show it, so losing it matters.
    #[versioned(start = 2)]
    pub sensitive: bool,
    /// When it was written, in seconds since 1970, or 0. A reader does without it unharmed.
    #[versioned(start = 2, ignorable, unit = "s")]
    pub written: u64,
}

/// A whole export: the items, sorted by key.
#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(0x7a54_ec76_ad9d_18cd))]
pub struct ExportableSer<'a> {
    /// The items, which are never held: they are written from the store, and read from the buffer.
    pub items: Sequence<'a, ItemSer<'a>, MAX_ITEMS>,
}

release_table! {
    /// The releases of the store.
    pub enum Release {
        /// Keys and values.
        V1 = 1 @ 0xef79_362d_4fe0_04a4,
        /// Sensitive items, and when they were written.
        V2 = 2 @ 0x2197_5edb_f6df_dd27,
    }
    ItemSer<'_> => [1, 2],
    ExportableSer<'_> => [1, 1],
}

impl<'a> From<Item<'a>> for ItemSer<'a> {
    fn from(item: Item<'a>) -> Self {
        let Item {
            key,
            value,
            sensitive,
            written,
        } = item;
        Self {
            // The store has accepted them, so they are within their bounds.
            key: Str::new(key).unwrap_or_default(),
            value: Bytes::new(value).unwrap_or_default(),
            sensitive,
            written,
        }
    }
}

impl<'a> From<&ItemSer<'a>> for Item<'a> {
    fn from(item: &ItemSer<'a>) -> Self {
        let ItemSer {
            key,
            value,
            sensitive,
            written,
        } = item;
        Self {
            key: key.get(),
            value: value.get(),
            sensitive: *sensitive,
            written: *written,
        }
    }
}

/// Bytes that items take, at each release.
#[derive(Clone, Debug, Default)]
pub(crate) struct LenPerRelease([usize; Release::ALL.len()]);

impl LenPerRelease {
    pub(crate) const ZERO: Self = Self([0; Release::ALL.len()]);

    pub(crate) fn add(&mut self, item: &ItemSer<'_>) {
        for (len, release) in self.0.iter_mut().zip(Release::ALL) {
            // The item is valid, so a downgrade is possible.
            *len += release
                .downgrade_lossy(item, &mut item.clone(), &mut |_| true)
                .map_or(0, |item| item.payload_len());
        }
    }

    fn at(&self, release: u16) -> Option<usize> {
        let release = Release::from_number(release)?;
        self.0.get(release as usize).copied()
    }
}

/// A store as it was at a mark, as the source of an export.
pub(crate) struct Items<'s, const ITEMS: usize, const BYTES: usize> {
    pub(crate) store: &'s Store<ITEMS, BYTES>,
    pub(crate) mark: &'s Mark,
}

impl<'s, const ITEMS: usize, const BYTES: usize> Source<ItemSer<'s>> for Items<'s, ITEMS, BYTES> {
    fn len(&self) -> usize {
        self.mark.items
    }

    fn for_each(&self, visit: &mut dyn FnMut(&[ItemSer<'s>])) {
        if self.mark.items == self.store.len() {
            return Source::for_each(&self.store.iter().map(ItemSer::from), visit);
        }
        for item in self.store.iter_at(self.mark) {
            visit(slice::from_ref(&item.into()));
        }
    }

    fn encoded_len(&self, release: u16) -> Option<usize> {
        self.mark.exported_len.at(release)
    }
}

/// Why bytes are no export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportableError {
    /// They are no snapshot of an export.
    Load(LoadError),
    /// A key is none that a store accepts.
    Key {
        /// The item's position.
        item: usize,
    },
    /// A value is empty, which no store accepts.
    Value {
        /// The item's position.
        item: usize,
    },
    /// A key is not behind the key before it. They are sorted, and none comes twice.
    Order {
        /// The item's position.
        item: usize,
    },
}

impl fmt::Display for ExportableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
            Self::Key { item } => write!(f, "item {item} has an invalid key"),
            Self::Value { item } => write!(f, "item {item} has an empty value"),
            Self::Order { item } => write!(f, "the key of item {item} is not behind the one before it"),
        }
    }
}

impl core::error::Error for ExportableError {}

impl From<LoadError> for ExportableError {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

/// An export that has been verified: its items are in the buffer.
#[derive(Clone, Debug)]
pub struct Exportable<'a> {
    release: Release,
    items: Sequence<'a, ItemSer<'a>, MAX_ITEMS>,
}

impl<'a> Exportable<'a> {
    /// Verifies all of an export, of any release and any machine: checksum, layout, every byte of every item, and that a
    /// store could have exported them: valid keys, sorted, each once.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn load(export: &'a [u8]) -> Result<Self, ExportableError> {
        let mut exportable = ExportableSer::default();
        let release = Release::load_with(options::<Crc64Slice16>(), export, &mut exportable)?;
        let exportable = Self {
            release,
            items: exportable.items,
        };
        let (mut before, mut position, mut found) = ("", 0, Ok(()));
        exportable.visit(&mut |Item { key, value, .. }| {
            let item = position;
            let error = if !is_valid_key(key) {
                Some(ExportableError::Key { item })
            } else if value.is_empty() {
                Some(ExportableError::Value { item })
            } else {
                (key <= before).then_some(ExportableError::Order { item })
            };
            if let (Ok(()), Some(error)) = (&found, error) {
                found = Err(error);
            }
            (before, position) = (key, position + 1);
        })?;
        found.map(|()| exportable)
    }

    /// The release that it was written at.
    #[must_use]
    pub fn release(&self) -> Release {
        self.release
    }

    /// How many items it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has no items, which no store exports.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Shows each item to `visit`, in the order of the keys. Keys and values are borrowed from the export.
    ///
    /// # Errors
    ///
    /// None that [`load`](Self::load) has not seen.
    pub fn visit(&self, visit: &mut dyn FnMut(Item<'a>)) -> Result<(), LoadError> {
        self.items.visit(&mut |item| visit(item.into()))
    }
}
