//! Snapshots within a payload: bytes that start with the header of a snapshot whose schema is known.

use std::collections::HashMap;
use std::fmt;

use devstate_versioning::checksum::{Checksum, Crc64Slice16};
use devstate_versioning::{Header, LoadErrorKind};

use super::value::Value;
use super::walk::{Walk, Why};
use crate::failure::printable;
use crate::peek::architecture;
use crate::schema::{Folder, Found, Type};

/// Snapshots within each other that are read. What is deeper is bytes.
const MAX_NESTING: usize = 8;

/// Headers whose schema is looked for, in one payload. A real one has few.
const MAX_LOOKUPS: usize = 64;

/// The header of a snapshot within a payload, and the schema that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Within<'s> {
    /// The header.
    pub header: Header,
    /// The schema and the root mirror.
    pub found: Found<'s>,
}

impl Within<'_> {
    /// Returns `true` if both snapshots have the same release, root and architecture.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        let facts = |within: &Self| {
            let Header {
                architecture_code,
                release,
                ..
            } = within.header;
            (architecture_code, release, within.found.root_version())
        };
        facts(self) == facts(other) && self.found.root.name == other.found.root.name
    }
}

/// Headers alone say if both are the same.
impl PartialEq for Within<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

impl Eq for Within<'_> {}

impl fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header {
            architecture_code,
            release,
            payload_len,
            fingerprint,
        } = self.header;
        write!(
            f,
            "snapshot of release {release}, {}: {} version {}, {}, {payload_len} bytes of payload, fingerprint \
             {fingerprint:#018x}, by {}",
            self.found.release_name(),
            self.found.root.name,
            self.found.root_version(),
            architecture(architecture_code),
            printable(&self.found.file.to_string_lossy()),
        )
    }
}

/// The schemas of snapshots within a payload, as far as they were looked for.
pub(super) struct Known<'s> {
    schemas: &'s Folder,
    found: HashMap<(u16, u64), Option<Found<'s>>>,
}

impl<'s> Known<'s> {
    pub(super) fn new(schemas: &'s Folder) -> Self {
        Self {
            schemas,
            found: HashMap::new(),
        }
    }

    /// Returns the header of bytes that are a snapshot of a known schema, damaged or not.
    fn find(&mut self, bytes: &[u8]) -> Option<Within<'s>> {
        let header = Header::peek(bytes).ok()?;
        let key = (header.release, header.fingerprint);
        let is_new = !self.found.contains_key(&key);
        if is_new && self.found.len() >= MAX_LOOKUPS {
            return None;
        }
        let find = || self.schemas.find(&header).ok();
        let found = (*self.found.entry(key).or_insert_with(find))?;
        Some(Within { header, found })
    }
}

impl<'s, 'p> Walk<'_, 's, 'p> {
    /// Shows bytes, the length in front of which stands at `start`: as a snapshot if they are one.
    pub(super) fn bytes(&mut self, ty: &'s Type, start: usize, bytes: &'p [u8]) {
        let within = (self.nesting < MAX_NESTING).then(|| self.known.find(bytes)).flatten();
        match within {
            Some(within) => self.snapshot(ty, start, bytes, within),
            None => self.show(ty, start, Value::Bytes(bytes)),
        }
    }

    /// Shows a snapshot: its header, the values of its payload, and its checksum. What is damaged is shown where it is, and the
    /// walk goes on behind it.
    fn snapshot(&mut self, ty: &'s Type, start: usize, bytes: &'p [u8], within: Within<'s>) {
        let first = self.reader.offset() - bytes.len();
        let payload = first + Header::LEN;
        self.show_until(ty, start, payload, Value::Snapshot(within));
        let summed = within.header.snapshot_len() - Header::TRAILER_LEN;
        let there = bytes.get(Header::LEN..summed.min(bytes.len())).unwrap_or_default();
        let depth = self.path.0.len();
        let unit = self.unit.take();
        let (end, why) = self.payload_within(within.found, there, payload);
        if let Some(why) = why {
            self.show_until(ty, end, payload + there.len(), Value::Unread(why));
        }
        self.path.0.truncate(depth);
        self.unit = unit;
        let trailer = first + summed;
        let Some((checksum, behind)) = bytes.get(summed..).and_then(|rest| rest.split_first_chunk()) else {
            let (needed, available) = (within.header.snapshot_len(), bytes.len());
            let why = Why::Bytes(LoadErrorKind::Truncated { needed, available }.at(first));
            let from = payload + there.len();
            return self.show_until(ty, from, first + bytes.len(), Value::Unread(why));
        };
        let expected = u64::from_le_bytes(*checksum);
        let found = Crc64Slice16::checksum(bytes.get(..summed).unwrap_or_default());
        let checksum = if expected == found {
            Value::Checksum(expected)
        } else {
            Value::Unread(Why::Bytes(LoadErrorKind::Checksum { expected, found }.at(trailer)))
        };
        let end = trailer + Header::TRAILER_LEN;
        self.show_until(ty, trailer, end, checksum);
        if !behind.is_empty() {
            let why = LoadErrorKind::TrailingBytes { bytes: behind.len() }.at(end);
            self.show_until(ty, end, end + behind.len(), Value::Unread(Why::Bytes(why)));
        }
    }
}
