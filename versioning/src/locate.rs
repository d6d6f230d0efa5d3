//! From an error's offset to the name of a field.

use crate::at::RowOf;
use crate::error::{LoadError, LoadErrorKind};
use crate::header::Header;
use crate::inspect::PayloadSchema;
use crate::path::NamedPath;
use crate::schema_data::Type;
use crate::table::TableData;

/// Returns the path of the field at which loading `snapshot` failed, such as `serial[1].rx`. `M` is the root mirror.
///
/// Returns `None` for an error that is not about a field, but for instance about the header or the checksum.
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
        let (byte, end) = match error.kind {
            LoadErrorKind::Value { .. } => (offset, payload.len()),
            // The offset is the start of a run of fields. The first missing byte says which of them is cut off.
            LoadErrorKind::Truncated { available, .. } => (offset.checked_add(available)?, payload.len()),
            // Behind the whole payload, and not behind that of an inner snapshot.
            LoadErrorKind::TrailingBytes { bytes }
                if offset.checked_add(bytes)? >= start.saturating_add(payload.len()) =>
            {
                return None;
            }
            // About the header or the checksum of an inner snapshot.
            _ => (offset, payload.len().checked_sub(1)?),
        };
        if byte < start || byte - start > end {
            return None;
        }
        let of_inner = !matches!(
            error.kind,
            LoadErrorKind::Value { .. } | LoadErrorKind::Truncated { .. }
        );
        let mut located = None;
        let mut cut_off = None;
        let walked = self.walk(payload, start, &mut |item| {
            let has = |byte: usize| item.offset <= byte && byte - item.offset < item.len;
            let is_inner = matches!(item.ty, Type::Inner(_));
            if has(byte) && (is_inner || !of_inner) {
                located = Some(item.path);
            }
            if has(offset) && is_inner {
                // Its header says more bytes than it has.
                cut_off = Some(item.path);
            }
        });
        let failed = walked.err().map(|unreadable| unreadable.path);
        cut_off.or(located).or(failed)
    }
}
