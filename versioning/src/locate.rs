//! From an error's offset to the name of a field.

use crate::at::RowOf;
use crate::error::{LoadError, LoadErrorKind};
use crate::header::Header;
use crate::inspect::{Item, PayloadSchema, Value};
use crate::path::NamedPath;
use crate::schema_data::Type;
use crate::table::TableData;

/// Returns the path of the field at which loading `snapshot` failed, such as `serial[1].rx`. `M` is the root mirror.
///
/// Returns `None` if the error belongs to no field, for example an error of the header or the checksum.
///
/// ```
/// use devstate_versioning::{ReleaseTable, Versioned, buffer, locate, release_table};
/// # use devstate_versioning::checksum::{Checksum, Crc64};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct TimerSer {
///     pub count: u32,
///     pub enabled: bool,
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ open }
///     TimerSer => [1],
/// }
///
/// let mut memory = buffer!(TimerSer);
/// let length = Release::save(&TimerSer::default(), &mut memory)?.len();
/// memory[28] = 2;
/// # let checksum = Crc64::checksum(&memory[..length - 8]).to_le_bytes();
/// # memory[length - 8..length].copy_from_slice(&checksum);
/// // (The checksum was corrected.)
/// let error = Release::load(&memory[..length], &mut TimerSer::default()).unwrap_err();
/// assert_eq!(error.to_string(), "found 0x2, expected a bool: 0 or 1 (at byte 28)");
/// let path = locate::<Release, TimerSer>(&memory[..length], &error).expect("a field");
/// assert_eq!(path.to_string(), "enabled");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn locate<R: TableData, M: RowOf<R>>(snapshot: &[u8], error: &LoadError) -> Option<NamedPath> {
    let header = Header::peek(snapshot).ok()?;
    let release = R::from_number(header.release)?;
    let payload = snapshot.get(Header::LEN..snapshot.len().checked_sub(Header::TRAILER_LEN)?)?;
    PayloadSchema::of::<R, M>(release).locate(payload, Header::LEN, error)
}

impl PayloadSchema {
    /// Returns the path of the field at which decoding `payload` failed. `start` is the offset of its first byte.
    #[must_use]
    pub fn locate(&self, payload: &[u8], start: usize, error: &LoadError) -> Option<NamedPath> {
        let offset = error.offset?;
        let (byte, of_a_field) = match error.kind {
            LoadErrorKind::Value { .. } => (offset, true),
            // The offset is the start of a run of fields. The first missing byte says which of them is cut off.
            LoadErrorKind::Truncated { available, .. } => (offset.checked_add(available)?, true),
            // About the header or the checksum: of an inner snapshot, if one is there.
            _ => (offset, false),
        };
        if byte < start || byte - start > payload.len() {
            return None;
        }
        let (mut field, mut snapshot) = (None, None);
        let walked = self.walk(payload, start, &mut |item| {
            if item.offset <= byte && byte - item.offset < item.len {
                field = Some(item.path);
            }
            // An inner snapshot that says more bytes than it has, or that has no header, is refused at its start.
            if let Some((first, len)) = inner_snapshot(item)
                && (offset == first || !of_a_field && first < offset && offset - first < len)
            {
                snapshot = Some(item.path);
            }
        });
        let failed = walked.err().map(|unreadable| unreadable.path);
        snapshot.or(if of_a_field { field.or(failed) } else { None })
    }
}

/// Returns the offset and the length of the inner snapshot that begins with an item, if one does.
fn inner_snapshot(item: &Item<'_>) -> Option<(usize, usize)> {
    let (len, behind) = match (item.ty, item.value) {
        (Type::Inner(_), Value::Bytes(bytes)) => (bytes.len(), 0),
        (Type::Inner(_), Value::Snapshot(header)) => (Header::LEN, header.snapshot_len() - Header::LEN),
        _ => return None,
    };
    Some((item.offset + item.len - len, len + behind))
}
