//! Exporting: into a region of memory of this process, or through a sink.

use core::fmt;

use devstate_core::{Empty, Region, Sealed};
use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::{Architecture, Options, ReleaseTable, SaveError, Sequence, Sink};
use serde::{Deserialize, Serialize};

use crate::exportable::{ExportableSer, Items, MAX_ITEMS, Release};
use crate::store::{Mark, Store};

/// Options for writing and reading exports: they mean the same on every machine.
#[must_use]
pub const fn options<C>() -> Options<C> {
    Options::new(Architecture::Any)
}

/// Why nothing was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportError {
    /// The store has no items. This is looked at first; the region is untouched.
    Empty,
    /// The region is smaller than the export. Nothing was written.
    StorageTooSmall {
        /// Bytes that the export takes.
        needed: usize,
        /// Bytes that the region has.
        available: usize,
    },
    /// That release cannot say that an item is sensitive. Nothing was written.
    Lossy {
        /// The position of the first such item, in the order of the keys.
        item: usize,
    },
    /// The export is longer than a snapshot can be, or has more items than [`MAX_ITEMS`].
    TooLong,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the store is empty: there is nothing to export"),
            Self::StorageTooSmall { needed, available } => {
                write!(f, "the export takes {needed} bytes, and the memory has {available}")
            }
            Self::Lossy { item } => write!(f, "item {item} is sensitive, which that release cannot say"),
            Self::TooLong => f.write_str("the export is longer than a snapshot can be"),
        }
    }
}

impl core::error::Error for ExportError {}

/// A refused export, and the region that was given for it, as it was.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// Why.
    pub error: ExportError,
    /// The region.
    pub region: Region<'a, Empty>,
}

/// Translates a store to a release, and calls `write` with the result. A reader that does not know when an item was written
/// does without it, so this loss is accepted.
macro_rules! translated {
    ($store:expr, $mark:expr, $release:expr, |$export:ident| $write:expr) => {{
        let (store, mark, release): (&Store<ITEMS, BYTES>, &Mark, Release) = ($store, $mark, $release);
        check(mark).and_then(|()| {
            let items = Items { store, mark };
            let exportable = ExportableSer {
                items: Sequence::from_source(&items),
            };
            let mut scratch = exportable.clone();
            let written = if release == Release::LATEST {
                let $export = Release::latest(&exportable);
                $write
            } else {
                release
                    .downgrade_lossy(&exportable, &mut scratch, &mut |loss| loss.ignorable)
                    .and_then(|$export| $write)
            };
            written.map_err(|error| reason(store, mark, error))
        })
    }};
}

/// Exports a store into `region`, straight from where its items lie, and gives the region back read-only, as long as
/// the export is.
///
/// # Errors
///
/// [`Refusal`] with the reason and the region, to which nothing was written.
pub fn export<'a, const ITEMS: usize, const BYTES: usize>(
    store: &Store<ITEMS, BYTES>,
    release: Release,
    region: Region<'a, Empty>,
) -> Result<Region<'a, Sealed>, Refusal<'a>> {
    export_with::<Crc64, ITEMS, BYTES>(store, release, region)
}

/// [`export`] with another implementation of the checksum.
///
/// # Errors
///
/// As [`export`].
pub fn export_with<'a, C: Checksum, const ITEMS: usize, const BYTES: usize>(
    store: &Store<ITEMS, BYTES>,
    release: Release,
    mut region: Region<'a, Empty>,
) -> Result<Region<'a, Sealed>, Refusal<'a>> {
    let bytes = region.as_mut_bytes();
    let saved = translated!(store, &store.mark(), release, |export| export
        .with_options(options::<C>())
        .save(bytes)
        .map(<[u8]>::len));
    let resized = saved.and_then(|len| {
        region.resize(len).map_err(|too_small| ExportError::StorageTooSmall {
            needed: too_small.needed,
            available: too_small.available,
        })
    });
    match resized {
        Ok(()) => Ok(region.seal()),
        Err(error) => Err(Refusal { error, region }),
    }
}

/// Returns the length of an export in bytes.
///
/// # Errors
///
/// `Empty`, `Lossy`.
pub fn export_len<const ITEMS: usize, const BYTES: usize>(
    store: &Store<ITEMS, BYTES>,
    release: Release,
) -> Result<usize, ExportError> {
    export_len_at(store, &store.mark(), release)
}

/// [`export_len`] of the items that there were at `mark`.
///
/// # Errors
///
/// As [`export_len`].
pub fn export_len_at<const ITEMS: usize, const BYTES: usize>(
    store: &Store<ITEMS, BYTES>,
    mark: &Mark,
    release: Release,
) -> Result<usize, ExportError> {
    translated!(store, mark, release, |export| Ok(export.snapshot_len()))
}

/// Exports the items that there were at `mark` through a sink, for memory that no reference may point to. `gather` collects
/// short values. Values go directly from the store into the sink.
///
/// # Errors
///
/// `Empty` and `Lossy` with nothing written. A sink that accepted no more bytes shows as `TooLong`, and has the reason
/// itself.
pub fn export_into<C: Checksum, const ITEMS: usize, const BYTES: usize>(
    store: &Store<ITEMS, BYTES>,
    mark: &Mark,
    release: Release,
    gather: &mut [u8],
    sink: &mut dyn Sink,
) -> Result<(), ExportError> {
    translated!(store, mark, release, |export| export
        .with_options(options::<C>())
        .write_into(sink, gather))
}

/// Refuses what the items alone make impossible.
fn check(mark: &Mark) -> Result<(), ExportError> {
    if mark.is_empty() {
        Err(ExportError::Empty)
    } else if mark.items > MAX_ITEMS {
        Err(ExportError::TooLong)
    } else {
        Ok(())
    }
}

/// Returns the reason why the store was not written.
fn reason<const ITEMS: usize, const BYTES: usize>(
    store: &Store<ITEMS, BYTES>,
    mark: &Mark,
    error: SaveError,
) -> ExportError {
    match error {
        SaveError::BufferTooSmall { needed, available } => ExportError::StorageTooSmall { needed, available },
        // A path counts elements up to 65,535 only, and a store may have more.
        SaveError::Lossy { .. } => ExportError::Lossy {
            item: store.iter_at(mark).position(|item| item.sensitive).unwrap_or(0),
        },
        // Items are within their bounds and a store below `MAX_ITEMS`, so only the sum can be too long.
        _ => ExportError::TooLong,
    }
}
