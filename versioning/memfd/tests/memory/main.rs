//! A client and a server as two threads: what each may find, and what a client does that plays by no rules.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test, which maps memory"
)]

mod attacks;
mod filling;
mod paying;
mod seals;

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use devstate_memfd::{FillError, Filling, Sealed};
use devstate_versioning::Sink;
use devstate_versioning::checksum::Crc64Slice16;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use vm_memory::mmap::MmapRegionError;
use vm_memory::{FileOffset, MmapRegion};

/// Two megabytes, which take a while to write.
const LARGE: usize = 2 << 20;

/// Bytes that differ from page to page, none of which is zero.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 97 + at) as u8 | 1).collect()
}

/// Fills the memory with `bytes`, as a server does.
fn fill(memory: &impl AsFd, bytes: &[u8]) -> Result<Sealed, FillError> {
    let mut filling = Filling::<Crc64Slice16>::prepare(memory, bytes.len())?;
    for piece in bytes.chunks(4096) {
        assert!(filling.put(piece));
    }
    filling.seal()
}

/// Another descriptor of the same memory, kept by a client that does not play by the rules.
fn duplicate(memory: impl AsFd) -> OwnedFd {
    memory.as_fd().try_clone_to_owned().unwrap()
}

/// The file behind a descriptor once more, with other rights.
fn reopened(file: impl AsFd, how: OFlags) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    rustix::fs::open(path, how, Mode::empty())
}

/// Maps memory so that it can be written.
fn map_shared(file: impl AsFd, len: usize) -> Result<MmapRegion, Errno> {
    let file = FileOffset::new(File::from(duplicate(file)), 0);
    MmapRegion::from_file(file, len).map_err(|error| match error {
        MmapRegionError::Mmap(error) => Errno::from_io_error(&error).unwrap(),
        other => panic!("{other}"),
    })
}

/// Size and bytes of the pages that are there.
fn size(file: impl AsFd) -> (u64, u64) {
    let found = File::from(duplicate(file)).metadata().unwrap();
    (found.len(), found.blocks() * 512)
}
