//! The store: a fixed number of items in a fixed number of bytes, sorted by key.

use core::fmt;

use heapless::Vec;
use serde::{Deserialize, Serialize};

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
    /// The store has no room for the item's bytes.
    OutOfSpace {
        /// Bytes that the item takes.
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
                    "the store is full: the item takes {needed} bytes, {available} are left"
                )
            }
        }
    }
}

impl core::error::Error for WriteError {}

/// Up to `ITEMS` items, whose keys and values together take up to `BYTES` bytes.
///
/// Items are only ever added, as in the design that this example follows, so their bytes lie one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Store<const ITEMS: usize, const BYTES: usize> {
    /// Keys and values, in the order of arrival.
    bytes: Vec<u8, BYTES>,
    /// Where each item lies, sorted by key.
    entries: Vec<Entry, ITEMS>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    key_len: usize,
    value_len: usize,
    sensitive: bool,
    written: u64,
}

impl<const ITEMS: usize, const BYTES: usize> Store<ITEMS, BYTES> {
    /// An empty store.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            entries: Vec::new(),
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
        if self.entries.is_full() {
            return Err(WriteError::TooManyItems { capacity: ITEMS });
        }
        let needed = key.len() + value.len();
        let available = BYTES - self.bytes.len();
        let out_of_space = WriteError::OutOfSpace { needed, available };
        if needed > available {
            return Err(out_of_space);
        }
        let start = self.bytes.len();
        let entry = Entry {
            start,
            key_len: key.len(),
            value_len: value.len(),
            sensitive,
            written,
        };
        // All three have room, as was just seen.
        self.bytes.extend_from_slice(key.as_bytes()).map_err(|_| out_of_space)?;
        self.bytes.extend_from_slice(value).map_err(|_| out_of_space)?;
        self.entries
            .insert(place, entry)
            .map_err(|_| WriteError::TooManyItems { capacity: ITEMS })
    }

    /// The item with that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Item<'_>> {
        let place = self.find(key).ok()?;
        self.entries.get(place).map(|entry| self.item(entry))
    }

    /// All items, sorted by key.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Item<'_>> + Clone {
        self.entries.iter().map(|entry| self.item(entry))
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

    fn find(&self, key: &str) -> Result<usize, usize> {
        // Usually items arrive sorted, from an export for one.
        match self.entries.last() {
            Some(last) if self.item(last).key < key => Err(self.entries.len()),
            _ => self.entries.binary_search_by(|entry| self.item(entry).key.cmp(key)),
        }
    }

    fn item(&self, entry: &Entry) -> Item<'_> {
        let Entry {
            start,
            key_len,
            value_len,
            sensitive,
            written,
        } = *entry;
        let bytes = self.bytes.get(start..).unwrap_or_default();
        let (key, rest) = bytes.split_at_checked(key_len).unwrap_or_default();
        Item {
            // Valid keys are ASCII.
            key: core::str::from_utf8(key).unwrap_or_default(),
            value: rest.get(..value_len).unwrap_or_default(),
            sensitive,
            written,
        }
    }
}

fn is_valid_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    bytes.len() >= 2
        && bytes.len() <= KEY_LEN
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_./-".contains(byte))
}
