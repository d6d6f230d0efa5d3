//! From an error's offset to the name of a field.

use crate::error::{Error, ErrorKind};
use crate::header::{HEADER_LEN, Header, TRAILER_LEN};
use crate::inspect::PayloadSchema;
use crate::path::NamedPath;
use crate::release::VersionOf;
use crate::wire::Mirror;

/// The path of the field that an error of saving or loading the mirror `M` is about, such as `serial[1].rx`.
///
/// `snapshot` is what was to be loaded; where saving failed it does not matter. There is none for an error that is not
/// about a field: of the header or the checksum, say.
///
/// ```
/// use devstate_versioning::{Container, Crc64, Versioned, buffer, load, locate, release_table, save};
/// # use devstate_versioning::Checksum;
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
/// let length = save::<Release, _>(&TimerSer::default(), &mut memory)?.len();
/// memory[28] = 2;
/// # let checksum = Crc64::checksum(&memory[..length - 8]).to_le_bytes();
/// # memory[length - 8..length].copy_from_slice(&checksum);
/// // (The checksum is right again.)
/// let error = load::<Release, _>(&memory[..length], &mut TimerSer::default()).unwrap_err();
/// assert_eq!(error.to_string(), "0x2 found, a bool, 0 or 1 expected (at byte 28)");
/// let path = locate::<Release, TimerSer>(&memory[..length], &error).expect("a field");
/// assert_eq!(path.to_string(), "enabled");
/// # Ok::<(), devstate_versioning::Error>(())
/// ```
#[must_use]
pub fn locate<R, M>(snapshot: &[u8], error: &Error) -> Option<NamedPath>
where
    R: VersionOf<M>,
    M: Mirror,
{
    if let ErrorKind::Lossy { field, .. } = error.kind {
        return Some(field.display(M::SCHEMA));
    }
    let header = Header::peek(snapshot).ok()?;
    let release = R::from_number(header.release)?;
    let payload = snapshot.get(HEADER_LEN..snapshot.len().checked_sub(TRAILER_LEN)?)?;
    PayloadSchema::of::<R, M>(release).locate(payload, HEADER_LEN, error)
}

impl PayloadSchema {
    /// The path of the field that an error of decoding `payload` is about; `start` is the offset of its first byte.
    #[must_use]
    pub fn locate(&self, payload: &[u8], start: usize, error: &Error) -> Option<NamedPath> {
        let byte = match error.kind {
            ErrorKind::Value { .. } => error.offset,
            // The offset is where a run of fields starts; the first byte that is missing says which of them is cut.
            ErrorKind::Truncated { available, .. } => error.offset.checked_add(available)?,
            ErrorKind::Lossy { field, .. } => return Some(field.display(self.root())),
            _ => return None,
        };
        if byte < start || byte - start > payload.len() {
            return None;
        }
        let mut located = None;
        let walked = self.walk(payload, start, &mut |item| {
            if item.offset <= byte && byte - item.offset < item.len {
                located = Some(item.path);
            }
        });
        located.or_else(|| walked.err().map(|unreadable| unreadable.path))
    }
}
