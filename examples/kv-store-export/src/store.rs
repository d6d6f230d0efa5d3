//! The store: a fixed number of items in a fixed number of bytes, sorted by key.

use core::fmt;
use core::ops::Range;

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

use crate::exportable::{ItemSer, LenPerRelease};

/// The longest key, in bytes.
pub const KEY_LEN: usize = 64;

/// The longest value, in bytes.
pub const VALUE_LEN: usize = 4096;

/// One item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// A letter, then letters, digits and `_ . / -`, the last one a letter or a digit; 2 to [`KEY_LEN`] bytes.
    pub key: &'a str,
    /// 1 to [`VALUE_LEN`] bytes.
    pub value: &'a [u8],
    /// Not to be shown unless someone asks for it.
    pub sensitive: bool,
    /// When it was written, in seconds since 1970; 0 where nobody knows.
    pub written: u64,
}

impl<'a> Item<'a> {
    /// An item that is not sensitive, written nobody knows when.
    #[must_use]
    pub const fn new(key: &'a str, value: &'a [u8]) -> Self {
        Self {
            key,
            value,
            sensitive: false,
            written: 0,
        }
    }
}

/// Why an item was not written. The store is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteError {
    /// The key is not of the form that [`Item::key`] asks for.
    InvalidKey,
    /// The value is empty or too long.
    InvalidValue {
        /// Its length in bytes.
        len: usize,
    },
    /// There is an item with that key; items are never overwritten.
    AlreadyExists,
    /// The store has as many items as it can hold.
    TooManyItems {
        /// How many that is.
        capacity: usize,
    },
    /// The store has no room for the item's value.
    OutOfSpace {
        /// Bytes that the value takes.
        needed: usize,
        /// Bytes that are left.
        available: usize,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidKey => write!(
                f,
                "invalid key: 2 to {KEY_LEN} letters, digits and _ . / -, the first a letter, the last a letter or a digit"
            ),
            Self::InvalidValue { len } => write!(f, "invalid value: {len} bytes, 1 to {VALUE_LEN} are possible"),
            Self::AlreadyExists => f.write_str("an item with that key already exists"),
            Self::TooManyItems { capacity } => write!(f, "the store is full: it holds {capacity} items"),
            Self::OutOfSpace { needed, available } => {
                write!(
                    f,
                    "the store is full: the value takes {needed} bytes, {available} are left"
                )
            }
        }
    }
}

impl core::error::Error for WriteError {}

/// Up to `ITEMS` items, whose values together take up to `BYTES` bytes.
///
/// Items are only ever added, as in the design that this example follows, so values lie one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Store<const ITEMS: usize, const BYTES: usize> {
    /// In the order of arrival.
    values: Vec<u8, BYTES>,
    /// In the order of arrival. Keys are kept as text: an export need not look at their bytes to know that they are.
    entries: Vec<Entry, ITEMS>,
    /// The positions of the entries, sorted by key: what moves when an item comes between others.
    sorted: Vec<usize, ITEMS>,
    /// Bytes that the items take in an export: the sum is kept, so that no export starts with going over all of them.
    exported_len: LenPerRelease,
}

#[derive(Clone, Debug)]
struct Entry {
    key: String<KEY_LEN, u8>,
    value: Range<usize>,
    sensitive: bool,
    written: u64,
}

/// The items that a store had at one point in time. Items are only ever added, so these can be exported at any later one.
#[derive(Clone, Debug)]
pub struct Mark {
    pub(crate) items: usize,
    pub(crate) exported_len: LenPerRelease,
}

impl Mark {
    /// Returns whether there were no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }
}

impl<const ITEMS: usize, const BYTES: usize> Store<ITEMS, BYTES> {
    /// An empty store.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            values: Vec::new(),
            entries: Vec::new(),
            sorted: Vec::new(),
            exported_len: LenPerRelease::ZERO,
        }
    }

    /// Adds an item.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; the store is as it was.
    pub fn write_item(&mut self, item: Item<'_>) -> Result<(), WriteError> {
        let Item {
            key,
            value,
            sensitive,
            written,
        } = item;
        if !is_valid_key(key) {
            return Err(WriteError::InvalidKey);
        }
        if value.is_empty() || value.len() > VALUE_LEN {
            return Err(WriteError::InvalidValue { len: value.len() });
        }
        let Err(place) = self.find(key) else {
            return Err(WriteError::AlreadyExists);
        };
        let too_many_items = WriteError::TooManyItems { capacity: ITEMS };
        if self.entries.is_full() {
            return Err(too_many_items);
        }
        let start = self.values.len();
        let entry = Entry {
            key: String::try_from(key).map_err(|_| WriteError::InvalidKey)?,
            value: start..start + value.len(),
            sensitive,
            written,
        };
        self.values
            .extend_from_slice(value)
            .map_err(|_| WriteError::OutOfSpace {
                needed: value.len(),
                available: BYTES - start,
            })?;
        // Both have room, as was just seen.
        self.sorted
            .insert(place, self.entries.len())
            .map_err(|_| too_many_items)?;
        self.entries.push(entry).map_err(|_| too_many_items)?;
        self.exported_len.add(&ItemSer::from(item));
        Ok(())
    }

    /// The item with that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Item<'_>> {
        let place = self.find(key).ok()?;
        self.sorted.get(place).map(|&at| self.item(at))
    }

    /// All items, sorted by key.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Item<'_>> + Clone {
        self.sorted.iter().map(|&at| self.item(at))
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns all items that there are now, as a mark.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            items: self.entries.len(),
            exported_len: self.exported_len.clone(),
        }
    }

    /// Returns the items that there were at `mark`, sorted by key.
    pub(crate) fn iter_at(&self, mark: &Mark) -> impl Iterator<Item = Item<'_>> {
        let items = mark.items;
        let then = self.sorted.iter().filter(move |&&at| at < items);
        then.map(|&at| self.item(at))
    }

    /// Where the item with that key is among the sorted ones, or where it would be.
    fn find(&self, key: &str) -> Result<usize, usize> {
        // Usually items arrive sorted, from an export for one.
        match self.sorted.last() {
            Some(&last) if self.key(last) < key => Err(self.sorted.len()),
            _ => self.sorted.binary_search_by(|&at| self.key(at).cmp(key)),
        }
    }

    fn key(&self, at: usize) -> &str {
        self.entries.get(at).map_or("", |entry| &entry.key)
    }

    fn item(&self, at: usize) -> Item<'_> {
        let Some(entry) = self.entries.get(at) else {
            return Item::new("", &[]);
        };
        Item {
            key: &entry.key,
            value: self.values.get(entry.value.clone()).unwrap_or_default(),
            sensitive: entry.sensitive,
            written: entry.written,
        }
    }
}

pub(crate) fn is_valid_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    bytes.len() >= 2
        && bytes.len() <= KEY_LEN
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_./-".contains(byte))
}
