//! The facts about a snapshot that need no schema: its header, its length and its checksum.

use std::io::{self, Read};

use devstate_versioning::checksum::{Checksum, Crc64Slice16};
use devstate_versioning::{Architecture, Header, LoadError, LoadErrorKind};

/// The facts about a snapshot that need no schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The header.
    pub header: Header,
    /// The checksum, if length and checksum are correct. Otherwise the error.
    pub checksum: Result<u64, LoadError>,
}

/// Why there are no [`Facts`].
#[derive(Debug)]
pub enum Unknown {
    /// The source could not be read.
    Io(io::Error),
    /// The first bytes are not a header that this build can read.
    Header {
        /// The error.
        error: LoadError,
        /// The first bytes of the source, at most 24.
        start: Vec<u8>,
    },
}

/// Bytes that are counted behind the end of a snapshot. A source may have no end.
const COUNTED_BEHIND: u64 = 1 << 20;

/// Bytes of a payload that are read at a time.
const CHUNK_LEN: usize = 1 << 16;

/// Reads a snapshot front to back, and keeps nothing of its payload. So a payload may have 4 GiB.
///
/// `len` is the length of the source in bytes, if it is known. If the header announces another length, only the header
/// is read.
///
/// ```
/// use devstate_cli::peek::peek;
/// use devstate_versioning::{ReleaseTable, Versioned, buffer, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct TimerSer { pub count: u32 }
/// release_table! { pub enum Release { V1 = 1 @ open } TimerSer => [1], }
///
/// let mut memory = buffer!(TimerSer);
/// let snapshot = Release::save(&TimerSer { count: 7 }, &mut memory)?;
/// let facts = peek(snapshot, Some(36)).expect("a snapshot");
/// assert_eq!((facts.header.release, facts.header.payload_len), (1, 4));
/// assert!(facts.checksum.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Unknown`] if there is no header, or if the source cannot be read.
pub fn peek(mut source: impl Read, len: Option<u64>) -> Result<Facts, Unknown> {
    let mut start = Vec::with_capacity(Header::LEN);
    source
        .by_ref()
        .take(Header::LEN as u64)
        .read_to_end(&mut start)
        .map_err(Unknown::Io)?;
    let header = match Header::peek(&start) {
        Ok(header) => header,
        Err(error) => return Err(Unknown::Header { error, start }),
    };
    let checksum = match len.and_then(|len| wrong_len(&header, len)) {
        Some(error) => Err(error),
        None => sum(source, &header, &start).map_err(Unknown::Io)?,
    };
    Ok(Facts { header, checksum })
}

/// Returns what is wrong with a source of that length, if anything is.
fn wrong_len(header: &Header, available: u64) -> Option<LoadError> {
    let needed = snapshot_len(header);
    if available > needed {
        let bytes = to_usize(available - needed);
        return Some(LoadErrorKind::TrailingBytes { bytes }.at(to_usize(needed)));
    }
    (available < needed).then(|| truncated(needed, available))
}

fn truncated(needed: u64, available: u64) -> LoadError {
    let (needed, available) = (to_usize(needed), to_usize(available));
    LoadErrorKind::Truncated { needed, available }.at(0)
}

/// Returns the length of the whole snapshot.
fn snapshot_len(header: &Header) -> u64 {
    (Header::LEN + Header::TRAILER_LEN) as u64 + u64::from(header.payload_len)
}

/// Converts a length that is only printed.
fn to_usize(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// Reads payload and trailer, and compares the checksums.
fn sum(mut source: impl Read, header: &Header, start: &[u8]) -> io::Result<Result<u64, LoadError>> {
    let needed = snapshot_len(header);
    let mut digest = Crc64Slice16::start();
    Crc64Slice16::update(&mut digest, start);
    let mut chunk = vec![0; CHUNK_LEN];
    let mut left = u64::from(header.payload_len);
    while left > 0 {
        let wanted = CHUNK_LEN.min(to_usize(left));
        let count = match source.read(chunk.get_mut(..wanted).unwrap_or_default()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if count == 0 {
            let missing = left + Header::TRAILER_LEN as u64;
            return Ok(Err(truncated(needed, needed - missing)));
        }
        Crc64Slice16::update(&mut digest, chunk.get(..count).unwrap_or_default());
        left -= count as u64;
    }
    let mut trailer = Vec::with_capacity(Header::TRAILER_LEN);
    let limit = Header::TRAILER_LEN as u64;
    source.by_ref().take(limit).read_to_end(&mut trailer)?;
    let Some(&expected) = trailer.first_chunk() else {
        return Ok(Err(truncated(needed, needed - limit + trailer.len() as u64)));
    };
    let behind = io::copy(&mut source.take(COUNTED_BEHIND), &mut io::sink())?;
    if let Some(error) = wrong_len(header, needed + behind) {
        return Ok(Err(error));
    }
    let (expected, found) = (u64::from_le_bytes(expected), Crc64Slice16::finish(digest));
    Ok(if expected == found {
        Ok(found)
    } else {
        Err(LoadErrorKind::Checksum { expected, found }.at(to_usize(needed - limit)))
    })
}

/// Returns the name of an architecture.
pub(crate) fn architecture(code: u8) -> String {
    match Architecture::from_code(code) {
        Some(known) => known.to_string(),
        None => format!("unknown, code {code}"),
    }
}
