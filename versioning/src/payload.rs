//! The byte layer on its own: payloads without header, checksum and translation.
//!
//! Tools, tests and containers of another kind use it; [`save`](crate::save) and [`load`](crate::load) are the way for
//! everyone else.

use crate::downgrade::require_mirror;
use crate::error::{Error, ErrorKind};
use crate::release::VersionOf;
use crate::snapshot;
use crate::wire::Wire;
use crate::writer::SliceWriter;

/// Writes `mirror` as it is at that release, and gives the number of bytes.
///
/// # Errors
///
/// `BufferTooSmall` or `NotInRelease`; nothing has been written.
#[inline]
pub fn encode<'de, R, M>(mirror: &M, release: R, buffer: &mut [u8]) -> Result<usize, Error>
where
    R: VersionOf<M>,
    M: Wire<'de, R>,
{
    require_mirror::<R, M>(release)?;
    let needed = mirror.encoded_len(release);
    let available = buffer.len();
    let Some(payload) = buffer.get_mut(..needed) else {
        return Err(ErrorKind::BufferTooSmall { needed, available }.at(0));
    };
    let mut writer = SliceWriter::new(payload);
    mirror.encode(release, &mut writer);
    writer.finish(needed)?;
    Ok(needed)
}

/// Fills `mirror` with exactly what stands in `payload`. Fields that the release does not have stay as they were.
///
/// # Errors
///
/// `Truncated`, `Value`, `TrailingBytes` or `NotInRelease`.
#[inline]
pub fn decode<'de, R, M>(payload: &'de [u8], release: R, mirror: &mut M) -> Result<(), Error>
where
    R: VersionOf<M>,
    M: Wire<'de, R>,
{
    require_mirror::<R, M>(release)?;
    snapshot::decode(payload, 0, release, mirror)
}
