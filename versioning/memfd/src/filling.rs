//! Fills the memory of another process, and seals it: the server's part.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::{error, fmt};

use devstate_versioning::Sink;
use devstate_versioning::checksum::Checksum;
use rustix::fs::{
    FallocateFlags, FsWord, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fcntl_getfl, fstat,
    fstatfs, ftruncate, open,
};
use rustix::io::Errno;
use rustix::param::page_size;
use vm_memory::mmap::MmapRegionError;
use vm_memory::{FileOffset, MmapRegion, VolatileMemory};

use crate::sealed::{ALL_SEALS, Sealed, SealedError};

/// The seals that memory gets while it is filled, the first one before anything is written.
const FILLED_SEALS: SealFlags = ALL_SEALS.union(SealFlags::FUTURE_WRITE);

/// What lies behind a `memfd` of ordinary pages.
const TMPFS: FsWord = 0x0102_1994;

/// Fills the memory of another process from front to back. It is a [`Sink`], so a snapshot can be written directly into
/// the memory.
///
/// It is safe because of the order of the steps:
///
/// 1. [`prepare`](Self::prepare) sets the memory to the exact size, and seals it against shrinking and growing.
/// 2. It maps the memory. From then on nobody else can begin to write to it, or punch holes into it (`F_SEAL_FUTURE_WRITE`,
///    Linux 5.1). Only a mapping that somebody made before can still write.
/// 3. So the existing pages stay. All pages must exist, because this process would pay for pages that it creates.
/// 4. The bytes are written into existing pages. This needs no system call and cannot cause a signal. A process that
///    holds the lock of the memory can block only `prepare` and `seal`. So hold no lock of your own while you call
///    them.
/// 5. [`seal`](Self::seal) removes the mapping and seals the memory against writing. This fails if another process
///    still has the memory mapped for writing. Then it reads all bytes back, and compares their checksum with the
///    checksum of the written bytes.
///
/// There is never a reference to the memory, which another process may change at any time.
pub struct Filling<'m, C: Checksum> {
    memory: BorrowedFd<'m>,
    mapping: MmapRegion,
    filled: usize,
    digest: C::Digest,
}

impl<'m, C: Checksum> Filling<'m, C> {
    /// Checks the memory of another process, and prepares it for `len` bytes. `C` computes the checksum.
    ///
    /// The owner of the memory can block each system call on it, for any time.
    ///
    /// # Errors
    ///
    /// | error | the memory |
    /// |---|---|
    /// | `NotMemory`, `AlreadySealed`, `NotWritable`, `TooSmall`, `NotAllocated` | is unchanged, unless another process removes pages at the same time |
    /// | `Modified` | has the new seals, and another size than it should |
    /// | `TooOldSystem` | has its new size and seals |
    /// | `System` with `InvalidInput` | is unchanged, if `len` is zero |
    /// | `System` | may have its new size and seals |
    pub fn prepare(memory: &'m impl AsFd, len: usize) -> Result<Self, FillError> {
        let memory = memory.as_fd();
        if len == 0 {
            return Err(FillError::System(ErrorKind::InvalidInput.into()));
        }
        let available = check_descriptor(memory)?;
        if available < len {
            return Err(FillError::TooSmall { needed: len, available });
        }
        let size = len as u64;
        check_allocated(memory, size)?;
        ftruncate(memory, size)?;
        fcntl_add_seals(memory, SealFlags::SHRINK | SealFlags::GROW)?;
        if fstat(memory)?.st_size != i64::try_from(size).unwrap_or(i64::MAX) {
            return Err(FillError::Modified);
        }
        // Once more, now that nothing can come behind the end: pages there would count as well.
        ftruncate(memory, size)?;
        let mapping = map(memory, len)?;
        forbid_new_writers(memory)?;
        check_allocated(memory, size)?;
        // A huge page can reach beyond the end and count for more than its part, so that a few small ones may be missing still.
        fallocate(memory, FallocateFlags::empty(), 0, size)?;
        touch(&mapping);
        Ok(Self {
            memory,
            mapping,
            filled: 0,
            digest: C::start(),
        })
    }

    /// Seals the memory permanently, checks that it has the written bytes, and returns a read-only descriptor of it.
    ///
    /// # Errors
    ///
    /// `Unfinished`, `StillMapped`, `Modified`, `System`. The memory has been changed.
    pub fn seal(self) -> Result<Sealed, FillError> {
        let Self {
            memory,
            mapping,
            filled,
            digest,
        } = self;
        let needed = mapping.size();
        drop(mapping);
        if filled < needed {
            return Err(FillError::Unfinished { needed, filled });
        }
        fcntl_add_seals(memory, SealFlags::WRITE | SealFlags::SEAL).map_err(|errno| match errno {
            Errno::BUSY => FillError::StillMapped,
            errno => errno.into(),
        })?;
        let sealed = read_only(memory)?;
        if sealed.checksum::<C>().map_err(FillError::System)? != C::finish(digest) {
            return Err(FillError::Modified);
        }
        Ok(sealed)
    }
}

impl<C: Checksum> Sink for Filling<'_, C> {
    /// Returns `false` if the memory does not have this number of bytes left.
    fn put(&mut self, bytes: &[u8]) -> bool {
        let Ok(place) = self.mapping.get_slice(self.filled, bytes.len()) else {
            return false;
        };
        place.copy_from(bytes);
        self.filled += bytes.len();
        C::update(&mut self.digest, bytes);
        true
    }
}

impl<C: Checksum> fmt::Debug for Filling<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filling")
            .field("memory", &self.memory)
            .field("len", &self.mapping.size())
            .field("filled", &self.filled)
            .finish_non_exhaustive()
    }
}

/// Refuses descriptors that cannot be filled and sealed; gives the memory's size.
fn check_descriptor(memory: BorrowedFd<'_>) -> Result<usize, FillError> {
    let seals = match fcntl_get_seals(memory) {
        Ok(seals) => seals,
        Err(Errno::INVAL) => return Err(FillError::NotMemory),
        Err(errno) => return Err(errno.into()),
    };
    // Hardened systems make every memfd with a seal against being executed, which is none of our business.
    if seals.intersects(FILLED_SEALS) {
        return Err(FillError::AlreadySealed);
    }
    // Huge pages can be sealed too, but they come in sizes that nothing else has.
    if fstatfs(memory)?.f_type != TMPFS {
        return Err(FillError::NotMemory);
    }
    if fcntl_getfl(memory)? & OFlags::ACCMODE != OFlags::RDWR {
        return Err(FillError::NotWritable);
    }
    usize::try_from(fstat(memory)?.st_size).map_err(|_| Errno::OVERFLOW.into())
}

/// Refuses memory that does not have as many pages as `size` bytes take.
fn check_allocated(memory: BorrowedFd<'_>, size: u64) -> Result<(), FillError> {
    let allocated = u64::try_from(fstat(memory)?.st_blocks).unwrap_or(0).saturating_mul(512);
    if allocated < size.next_multiple_of(page_size() as u64) {
        return Err(FillError::NotAllocated {
            needed: size,
            allocated,
        });
    }
    Ok(())
}

/// Maps the first `len` bytes of memory that can no longer shrink, for reading and writing.
fn map(memory: BorrowedFd<'_>, len: usize) -> Result<MmapRegion, FillError> {
    let file = File::from(memory.try_clone_to_owned().map_err(FillError::System)?);
    MmapRegion::from_file(FileOffset::new(file, 0), len).map_err(|error| match error {
        MmapRegionError::Mmap(error) => FillError::System(error),
        error => FillError::System(io::Error::other(error)),
    })
}

/// Leaves the mappings that there are as the only way to change the memory.
fn forbid_new_writers(memory: BorrowedFd<'_>) -> Result<(), FillError> {
    fcntl_add_seals(memory, SealFlags::FUTURE_WRITE).map_err(|errno| match errno {
        // What a system says of a seal that it does not know.
        Errno::INVAL => FillError::TooOldSystem,
        errno => errno.into(),
    })
}

/// Reads from every page. All pages are there, so none is made; but they are mapped here, and cleared where they are new, and not
/// when the caller writes, who may hold a lock then. Linux maps sixteen pages at once for a reader, and one for a writer; with the
/// right to write for both, because the memory is shared.
fn touch(mapping: &MmapRegion) {
    for start in (0..mapping.size()).step_by(page_size()) {
        if let Ok(byte) = mapping.get_slice(start, 1) {
            byte.copy_to(&mut [0_u8]);
        }
    }
}

/// Opens sealed memory once more, without the right to write.
fn read_only(memory: BorrowedFd<'_>) -> Result<Sealed, FillError> {
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Sealed::new(file).map_err(|error| match error {
        SealedError::System(error) => FillError::System(error),
        SealedError::NotReadable | SealedError::NotSealed => FillError::Modified,
    })
}

/// Why memory was not filled.
#[derive(Debug)]
#[non_exhaustive]
pub enum FillError {
    /// The descriptor is not memory that can be sealed.
    NotMemory,
    /// The memory has seals already.
    AlreadySealed,
    /// The descriptor is not open for reading and writing.
    NotWritable,
    /// The memory has fewer bytes than are needed.
    TooSmall {
        /// The needed number of bytes.
        needed: usize,
        /// The number of bytes of the memory.
        available: usize,
    },
    /// Some pages of the memory do not exist. This process does not create them, because it would pay for them.
    NotAllocated {
        /// The needed number of bytes.
        needed: u64,
        /// The number of bytes of the existing pages.
        allocated: u64,
    },
    /// While the memory was filled, another process changed its size, or wrote to it through an earlier mapping.
    Modified,
    /// The system does not have the seal against new writers, which needs Linux 5.1. Without it, another process could
    /// remove pages while they are written, and this would end this process.
    TooOldSystem,
    /// Another process has the memory mapped for writing, so it cannot be sealed.
    StillMapped,
    /// Fewer bytes were written than announced.
    Unfinished {
        /// The announced number of bytes.
        needed: usize,
        /// The written number of bytes.
        filled: usize,
    },
    /// A system call failed.
    System(io::Error),
}

impl From<Errno> for FillError {
    fn from(errno: Errno) -> Self {
        Self::System(errno.into())
    }
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMemory => f.write_str("the descriptor is not one of memory that can be sealed"),
            Self::AlreadySealed => f.write_str("the memory is sealed already"),
            Self::NotWritable => f.write_str("the descriptor is not open for reading and writing"),
            Self::TooSmall { needed, available } => {
                write!(f, "the memory has {available} bytes, and {needed} are needed")
            }
            Self::NotAllocated { needed, allocated } => {
                write!(
                    f,
                    "only {allocated} bytes of the memory are allocated, and {needed} are needed"
                )
            }
            Self::Modified => f.write_str("the memory was changed while it was filled"),
            Self::TooOldSystem => {
                f.write_str("the system knows no seal against new writers, which Linux has since 5.1")
            }
            Self::StillMapped => f.write_str("the memory is still mapped for writing elsewhere"),
            Self::Unfinished { needed, filled } => write!(f, "{filled} bytes were written, and {needed} are needed"),
            Self::System(error) => write!(f, "cannot use the memory: {error}"),
        }
    }
}

impl error::Error for FillError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::System(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_does_not_know_the_seal_against_new_writers_is_named() {
        // What is said of any seal of a pipe is what an old system says of this one.
        let (_other_end, pipe) = io::pipe().unwrap();
        let refusal = forbid_new_writers(pipe.as_fd());
        assert!(matches!(refusal, Err(FillError::TooOldSystem)), "{refusal:?}");
    }
}
