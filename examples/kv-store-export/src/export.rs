//! Exporting: into a region of memory of this process, or through a sink.

use core::fmt;

use devstate_core::{Empty, Region, Sealed};
use devstate_versioning::{
    Architecture, Checksum, Container, Crc64, Error, ErrorKind, Sequence, Sink, encoded_len, plan,
};
use serde::{Deserialize, Serialize};

use crate::exportable::{ExportableSer, Items, MAX_ITEMS, Release};
use crate::store::Store;

/// How exports are written and read: they mean the same on every machine.
#[must_use]
pub const fn container<C>() -> Container<C> {
    Container::new(Architecture::Any)
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

impl From<Error> for ExportError {
    fn from(error: Error) -> Self {
        match error.kind {
            ErrorKind::BufferTooSmall { needed, available } => Self::StorageTooSmall { needed, available },
            // Items are within their bounds and a store below `MAX_ITEMS`, so only the sum can be too long.
            _ => Self::TooLong,
        }
    }
}

/// A refused export, and the region that was given for it, as it was.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// Why.
    pub error: ExportError,
    /// The region.
    pub region: Region<'a, Empty>,
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
    if let Err(error) = check(store, release) {
        return Err(Refusal { error, region });
    }
    let items = Items(store);
    let exportable = ExportableSer {
        items: Sequence::from_source(&items),
    };
    let bytes = region.as_mut_bytes();
    let saved = if release == Release::LATEST {
        container::<C>().save::<Release, _>(&exportable, bytes)
    } else {
        container::<C>().save_lossy(&exportable, release, bytes, &mut |_ignorable| ())
    };
    let resized = saved
        .map(|sealed| sealed.len())
        .map_err(ExportError::from)
        .and_then(|len| {
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

/// Bytes that an export takes.
///
/// # Errors
///
/// `Empty`, `Lossy`.
pub fn export_len<const ITEMS: usize, const BYTES: usize>(
    store: &Store<ITEMS, BYTES>,
    release: Release,
) -> Result<usize, ExportError> {
    check(store, release)?;
    let items = Items(store);
    let exportable = ExportableSer {
        items: Sequence::from_source(&items),
    };
    // Every release has exports.
    encoded_len(&exportable, release).ok_or(ExportError::TooLong)
}

/// Exports a store through a sink, for memory that no reference may point to. `gather` collects what is short; values
/// go straight from the store into the sink.
///
/// # Errors
///
/// `Empty` and `Lossy` with nothing written. A sink that took no more shows as `TooLong`, and knows better itself.
pub fn export_into<C: Checksum, const ITEMS: usize, const BYTES: usize>(
    store: &Store<ITEMS, BYTES>,
    release: Release,
    gather: &mut [u8],
    sink: &mut dyn Sink,
) -> Result<(), ExportError> {
    check(store, release)?;
    let items = Items(store);
    let exportable = ExportableSer {
        items: Sequence::from_source(&items),
    };
    Ok(container::<C>().save_into(&exportable, release, gather, sink)?)
}

/// What can be said before anything is measured or written.
fn check<const ITEMS: usize, const BYTES: usize>(
    store: &Store<ITEMS, BYTES>,
    release: Release,
) -> Result<(), ExportError> {
    if store.is_empty() {
        return Err(ExportError::Empty);
    }
    if store.len() > MAX_ITEMS {
        return Err(ExportError::TooLong);
    }
    if release == Release::LATEST {
        return Ok(());
    }
    let mut lossy = false;
    let items = Items(store);
    let planned = plan(
        &ExportableSer {
            items: Sequence::from_source(&items),
        },
        release,
        &mut |loss| lossy |= !loss.ignorable,
    );
    if planned.is_ok() && !lossy {
        return Ok(());
    }
    // A path counts elements up to 65,535 only, and a store may have more.
    let item = store.iter().position(|item| item.sensitive).unwrap_or(0);
    Err(ExportError::Lossy { item })
}
