//! Memory that a client makes, to have it filled by a server.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_get_seals, fstat, ftruncate, memfd_create};

/// Memory that a client has made and not given away yet: a `memfd` that can be sealed.
///
/// A duplicate of its descriptor outlives this value, and carries no right with it: seals belong to the memory.
#[derive(Debug)]
pub struct Memory {
    file: OwnedFd,
    /// As it was when it came here. `None` if the system does not say.
    shape: Option<Shape>,
}

/// What a server that fills memory changes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    len: i64,
    seals: SealFlags,
}

impl Memory {
    /// Makes memory of `len` bytes without pages. Linux makes each page, and charges it, when somebody first writes to it. So
    /// [`Filling`](crate::Filling) refuses it, unless it has no bytes: that asks a server how many it needs.
    ///
    /// # Errors
    ///
    /// Returns the system's error.
    pub fn new(len: u64) -> io::Result<Self> {
        let file = memfd_create("devstate-memfd", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, len)?;
        Ok(file.into())
    }

    /// Makes memory of `len` bytes with all its pages, which are charged to this process. If somebody else says how many bytes
    /// are needed, limit them first: a system that has less memory may end processes.
    ///
    /// # Errors
    ///
    /// Returns the system's error.
    pub fn allocated(len: u64) -> io::Result<Self> {
        let memory = Self::new(len)?;
        if len > 0 {
            fallocate(&memory, FallocateFlags::empty(), 0, len)?;
        }
        Ok(memory)
    }

    /// Returns `true` if the memory has the size and the seals that it had when this value was made. A server that refused it
    /// before it changed anything has left it so, and it can be used again.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.shape.is_some() && self.shape == shape(&self.file)
    }
}

fn shape(file: &OwnedFd) -> Option<Shape> {
    let (found, seals) = (fstat(file).ok()?, fcntl_get_seals(file).ok()?);
    Some(Shape {
        len: found.st_size,
        seals,
    })
}

impl From<OwnedFd> for Memory {
    /// Takes memory that something else has made. The server checks what it is.
    fn from(file: OwnedFd) -> Self {
        let shape = shape(&file);
        Self { file, shape }
    }
}

impl AsFd for Memory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
