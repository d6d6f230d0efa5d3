//! Exporting into a client's memory: the server's part.

use std::os::fd::OwnedFd;
use std::sync::{PoisonError, RwLock};

use devstate_memfd::{Filling, Sealed};

use super::checksum::Crc64Simd;
use super::protocol::ExportFailure;
use crate::export::{export_into, export_len_at};
use crate::{Mark, Release, Store};

/// Bytes of an export that are gathered before they are written; values are not among them.
const GATHER_LEN: usize = 8 * 1024;

/// Exports the items that a store had at `mark` into a client's memory, and seals it.
///
/// The client can hold up every system call on its memory. So the store is locked only while its length is asked for, and while it
/// is written into pages that are there: see [`Filling`].
///
/// # Errors
///
/// [`ExportFailure`]. Before `Modified`, `StillMapped` and `TooOldSystem`, which are found last, the memory has been
/// changed.
pub fn fill<const ITEMS: usize, const BYTES: usize>(
    store: &RwLock<Store<ITEMS, BYTES>>,
    mark: &Mark,
    release: Release,
    memory: &OwnedFd,
) -> Result<Sealed, ExportFailure> {
    let read = || store.read().unwrap_or_else(PoisonError::into_inner);
    let needed = export_len_at(&read(), mark, release)?;
    let mut filling = Filling::<Crc64Simd>::prepare(memory, needed)?;
    export_into::<Crc64Simd, ITEMS, BYTES>(&read(), mark, release, &mut [0; GATHER_LEN], &mut filling)?;
    Ok(filling.seal()?)
}
