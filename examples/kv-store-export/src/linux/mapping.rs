//! Memory of a file in this process: the only place with `unsafe`.

#![expect(
    unsafe_code,
    reason = "mapping memory, and writing to memory that no reference may point to"
)]

use core::ffi::c_void;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use core::slice;
use std::os::fd::AsFd;

use devstate_versioning::Sink;
use rustix::io;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

/// A mapping that is undone when it is dropped.
struct Mapping {
    start: NonNull<c_void>,
    len: usize,
}

impl Mapping {
    fn new(file: impl AsFd, len: usize, access: ProtFlags) -> io::Result<Self> {
        // SAFETY: the kernel chooses a free range of addresses, so nothing that exists is replaced.
        let start = unsafe { mmap(ptr::null_mut(), len, access, MapFlags::SHARED, file, 0)? };
        // A mapping never lies at address 0.
        NonNull::new(start)
            .map(|start| Self { start, len })
            .ok_or(io::Errno::NOMEM)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the one that was mapped, and whatever borrows from it is gone with `self`. It cannot fail
        // for a range that is mapped.
        let _ = unsafe { munmap(self.start.as_ptr(), self.len) };
    }
}

/// Writes to shared memory front to back. Other processes may have it mapped and write to it at any time, so there is never
/// a reference to it: bytes are copied through a raw pointer.
pub(super) struct WriteMapping {
    mapping: Mapping,
    filled: usize,
}

impl WriteMapping {
    /// Maps the first `len` bytes of a file that can no longer shrink.
    pub(super) fn new(file: impl AsFd, len: usize) -> io::Result<Self> {
        let mapping = Mapping::new(file, len, ProtFlags::READ | ProtFlags::WRITE)?;
        Ok(Self { mapping, filled: 0 })
    }

    /// Maps all pages in one go, which is cheaper than one by one as each is first written. Where the system cannot
    /// (before Linux 5.14), that is what happens.
    pub(super) fn populate(&self) {
        // SAFETY: the range is the one that was mapped, and the advice changes no byte of it.
        let _ = unsafe {
            madvise(
                self.mapping.start.as_ptr(),
                self.mapping.len,
                Advice::LinuxPopulateWrite,
            )
        };
    }
}

impl Sink for WriteMapping {
    fn put(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > self.mapping.len - self.filled {
            return false;
        }
        // SAFETY: `filled + bytes.len()` is within the mapping, as was just checked. The file behind it has been sealed
        // against shrinking, so no page lies beyond its end, and against new writers before its pages were allocated, so
        // none of them can be punched out and need memory again that there may not be. `bytes` is memory of this process
        // alone and cannot overlap. A concurrent write through another process's mapping changes what ends up there and
        // nothing else: no reference exists.
        unsafe {
            let target = self.mapping.start.as_ptr().cast::<u8>().add(self.filled);
            ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
        }
        self.filled += bytes.len();
        true
    }
}

/// Sealed memory, to be read like any slice.
pub struct ReadOnlyMapping(Mapping);

impl ReadOnlyMapping {
    /// Maps the first `len` bytes of a file whose seals were seen to forbid writing, growing and shrinking.
    pub(super) fn new(sealed: impl AsFd, len: usize) -> io::Result<Self> {
        Mapping::new(sealed, len, ProtFlags::READ).map(Self)
    }
}

impl Deref for ReadOnlyMapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the range is mapped for as long as `self` lives, and its bytes never change: the caller of `new` has
        // seen the seals, which nobody can take off again.
        unsafe { slice::from_raw_parts(self.0.start.as_ptr().cast::<u8>(), self.0.len) }
    }
}

impl core::fmt::Debug for ReadOnlyMapping {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ReadOnlyMapping")
            .field("len", &self.0.len)
            .finish_non_exhaustive()
    }
}

// SAFETY: the mapping is memory like any other, and nothing about it belongs to one thread.
unsafe impl Send for Mapping {}
// SAFETY: shared access only reads (`ReadOnlyMapping`) or is not offered (`WriteMapping`).
unsafe impl Sync for Mapping {}
