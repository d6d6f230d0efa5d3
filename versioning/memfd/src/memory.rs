//! Memory that a client creates, and a server fills.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_get_seals, fstat, ftruncate, memfd_create};

/// Memory that a client has created and still owns: a `memfd` that can be sealed.
///
/// A duplicate of its descriptor can outlive this value, but gives no additional rights, because seals belong to the
/// memory.
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
    /// Creates memory of `len` bytes without pages. Linux allocates and charges each page at the first write to it. So
    /// [`Filling`](crate::Filling) refuses this memory, unless `len` is 0. Use a length of 0 to ask a server for the
    /// number of bytes that it needs.
    ///
    /// # Errors
    ///
    /// Returns the system's error.
    pub fn new(len: u64) -> io::Result<Self> {
        let file = memfd_create("devstate-memfd", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, len)?;
        Ok(file.into())
    }

    /// Creates memory of `len` bytes with all its pages. They are charged to this process. If another process decides
    /// the length, limit it first: a system without enough memory may end processes.
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

    /// Returns `true` if the memory still has the same size and seals as when this value was created. This is so if a
    /// server refused the memory before it changed anything. Then the memory can be used again.
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
    /// Creates it from a descriptor of memory. The server checks the descriptor.
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
