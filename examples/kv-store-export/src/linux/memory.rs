//! A `memfd` on its way: empty and writable, filled by the server, sealed for good.

use core::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::string::String;
use std::sync::{PoisonError, RwLock};

use devstate_versioning::LoadError;
use rustix::fs::{
    FallocateFlags, FsWord, MemfdFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals,
    fcntl_getfl, fstat, fstatfs, ftruncate, memfd_create, open,
};
use rustix::io::Errno;
use rustix::param::page_size;

use super::checksum::Crc64Simd;
use super::mapping::{ReadOnlyMapping, WriteMapping};
use super::protocol::ExportFailure;
use crate::export::{export_into, export_len_at, options};
use crate::{ExportError, Mark, Release, Store};

/// The seals of an export: no process can change it in any way, or take the seals off.
const ALL_SEALS: SealFlags = SealFlags::WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// The seals that memory gets while it is filled, the first one before anything is written.
const FILLED_SEALS: SealFlags = ALL_SEALS.union(SealFlags::FUTURE_WRITE);

/// What lies behind a `memfd` of ordinary pages.
const TMPFS: FsWord = 0x0102_1994;

/// Bytes of an export that are gathered before they are written; values are not among them.
const GATHER_LEN: usize = 8 * 1024;

/// Memory that a client has made and not yet given away.
///
/// A duplicate of its descriptor outlives that, but carries no right with it: the seals are the memory's own.
#[derive(Debug)]
pub struct Memory(OwnedFd);

/// Memory that nobody can change any more.
#[derive(Debug)]
pub struct Sealed {
    file: OwnedFd,
    len: usize,
}

/// Why a descriptor is not what it was said to be.
#[derive(Debug)]
pub enum MemoryError {
    /// The system said no.
    System(Errno),
    /// The seals that an export has are not all there.
    NotSealed,
    /// The content is no export.
    Content(LoadError),
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(errno) => write!(f, "system call on shared memory: {errno}"),
            Self::NotSealed => f.write_str("the memory that came back is not sealed, so it could still change"),
            Self::Content(error) => write!(f, "the memory that came back is no export: {error}"),
        }
    }
}

impl core::error::Error for MemoryError {}

impl From<Errno> for MemoryError {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

impl Memory {
    /// New memory of so many bytes, which can be sealed. Its pages are made, and charged, by whoever first writes them, so a
    /// server refuses it.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(len: u64) -> Result<Self, Errno> {
        let file = memfd_create("kv-store export", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, len)?;
        Ok(Self(file))
    }

    /// New memory of so many bytes, which can be sealed. Its pages are there, and charged to this process.
    ///
    /// # Errors
    ///
    /// What the system says, `NOSPC` where it has not so much memory among others.
    pub fn allocated(len: u64) -> Result<Self, Errno> {
        let memory = Self::new(len)?;
        if len > 0 {
            fallocate(&memory.0, FallocateFlags::empty(), 0, len)?;
        }
        Ok(memory)
    }

    /// What a server changes first: the size and the seals.
    pub(super) fn shape(&self) -> Result<(i64, SealFlags), Errno> {
        Ok((fstat(&self.0)?.st_size, fcntl_get_seals(&self.0)?))
    }
}

impl From<OwnedFd> for Memory {
    /// Takes memory that something else has made. What it is, the server looks at.
    fn from(memory: OwnedFd) -> Self {
        Self(memory)
    }
}

impl AsFd for Memory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Sealed> for OwnedFd {
    fn from(sealed: Sealed) -> Self {
        sealed.file
    }
}

impl AsFd for Sealed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Sealed {
    /// Checks that a descriptor is one of memory that nobody can change.
    ///
    /// # Errors
    ///
    /// `NotSealed`, or what the system says.
    pub fn new(file: OwnedFd) -> Result<Self, MemoryError> {
        // Other files have no seals at all.
        match fcntl_get_seals(&file) {
            Ok(seals) if seals.contains(ALL_SEALS) => {}
            Ok(_) | Err(Errno::INVAL) => return Err(MemoryError::NotSealed),
            Err(errno) => return Err(errno.into()),
        }
        let len = usize::try_from(fstat(&file)?.st_size).map_err(|_| Errno::OVERFLOW)?;
        Ok(Self { file, len })
    }

    /// Its size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn map(&self) -> Result<ReadOnlyMapping, Errno> {
        ReadOnlyMapping::new(&self.file, self.len)
    }
}

/// Exports the items that a store had at `mark` into a client's memory and seals it: the server's part.
///
/// The order matters. The memory gets exactly the export's size, and can then neither shrink nor grow. It is mapped, and
/// from then on nobody else can begin to write to it, or punch holes into it (`F_SEAL_FUTURE_WRITE`, Linux 5.1). So the pages
/// that are there then stay, and all of them must be: those that the server would have to make, it would have to pay for.
/// Only then is it written. Once nothing of this process maps it for writing it can be sealed against writing, which fails
/// while anyone else does; and what the seals then hold is compared, by its checksum, with what was meant, for a client that
/// had it mapped before may have written to it. Gives a descriptor that is open for reading only.
///
/// Every system call on the memory can wait for as long as the client likes: it can hold the memory's lock. So the store is
/// locked only while its length is asked for and while it is written, into pages that are there.
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
    let mut mapping = prepare(memory, needed)?;
    export_into::<Crc64Simd, ITEMS, BYTES>(&read(), mark, release, &mut [0; GATHER_LEN], &mut mapping)?;
    drop(mapping);

    fcntl_add_seals(memory, SealFlags::WRITE | SealFlags::SEAL).map_err(|errno| match errno {
        Errno::BUSY => ExportFailure::StillMapped,
        errno => errno.into(),
    })?;
    let sealed = read_only(memory)?;
    let mapping = sealed.map()?;
    if options::<Crc64Simd>().verify(&mapping).is_err() {
        return Err(ExportFailure::Modified);
    }
    drop(mapping);
    Ok(sealed)
}

/// Maps memory of exactly so many bytes, which nobody else can begin to write to, and all of whose pages are there.
fn prepare(memory: &OwnedFd, needed: usize) -> Result<WriteMapping, ExportFailure> {
    let available = check_descriptor(memory)?;
    if available < needed {
        return Err(ExportError::StorageTooSmall { needed, available }.into());
    }
    let size = needed as u64;
    check_allocated(memory, size)?;
    ftruncate(memory, size)?;
    fcntl_add_seals(memory, SealFlags::SHRINK | SealFlags::GROW)?;
    if fstat(memory)?.st_size != i64::try_from(size).unwrap_or(i64::MAX) {
        return Err(ExportFailure::Modified);
    }
    // Once more, now that nothing can come behind the end: pages there would count as well.
    ftruncate(memory, size)?;
    let mapping = WriteMapping::new(memory, needed)?;
    forbid_new_writers(memory)?;
    check_allocated(memory, size)?;
    // A huge page can reach beyond the end and count for more than its part, so that a few small ones may be missing still.
    fallocate(memory, FallocateFlags::empty(), 0, size)?;
    mapping.populate();
    Ok(mapping)
}

/// Refuses memory that does not have as many pages as `size` bytes take.
fn check_allocated(memory: &OwnedFd, size: u64) -> Result<(), ExportFailure> {
    let allocated = u64::try_from(fstat(memory)?.st_blocks).unwrap_or(0).saturating_mul(512);
    if allocated < size.next_multiple_of(page_size() as u64) {
        return Err(ExportFailure::NotAllocated {
            needed: size,
            allocated,
        });
    }
    Ok(())
}

/// Refuses descriptors that cannot be filled and sealed; gives the memory's size.
fn check_descriptor(memory: &OwnedFd) -> Result<usize, ExportFailure> {
    let seals = match fcntl_get_seals(memory) {
        Ok(seals) => seals,
        Err(Errno::INVAL) => return Err(ExportFailure::NotMemory),
        Err(errno) => return Err(errno.into()),
    };
    // Hardened systems make every memfd with a seal against being executed, which is none of our business.
    if seals.intersects(FILLED_SEALS) {
        return Err(ExportFailure::AlreadySealed);
    }
    // Huge pages can be sealed too, but they come in sizes that no export has.
    if fstatfs(memory)?.f_type != TMPFS {
        return Err(ExportFailure::NotMemory);
    }
    if fcntl_getfl(memory)? & OFlags::ACCMODE != OFlags::RDWR {
        return Err(ExportFailure::NotWritable);
    }
    usize::try_from(fstat(memory)?.st_size).map_err(|_| Errno::OVERFLOW.into())
}

/// Leaves the mappings that there are as the only way to change the memory.
fn forbid_new_writers(memory: &OwnedFd) -> Result<(), ExportFailure> {
    fcntl_add_seals(memory, SealFlags::FUTURE_WRITE).map_err(|errno| match errno {
        // What a system says of a seal that it does not know.
        Errno::INVAL => ExportFailure::TooOldSystem,
        errno => errno.into(),
    })
}

/// Opens sealed memory once more, without the right to write.
fn read_only(memory: &OwnedFd) -> Result<Sealed, ExportFailure> {
    use std::os::fd::AsRawFd;

    let path: String = std::format!("/proc/self/fd/{}", memory.as_raw_fd());
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Sealed::new(file).map_err(|error| match error {
        MemoryError::System(errno) => errno.into(),
        MemoryError::NotSealed | MemoryError::Content(_) => ExportFailure::Modified,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_does_not_know_the_seal_against_new_writers_is_named() {
        // What is said of any seal of a pipe is what an old system says of this one.
        let (_other_end, pipe) = std::io::pipe().unwrap();
        assert_eq!(forbid_new_writers(&pipe.into()), Err(ExportFailure::TooOldSystem));
    }
}
