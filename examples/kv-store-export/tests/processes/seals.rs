//! What nobody can do to an export any more.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use devstate_kv_store_export::Release;
use devstate_kv_store_export::linux::Memory;
use rustix::fs::{FallocateFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

use super::server::{Server, duplicate};

/// Maps memory so that it can be written; the mapping stays until the process ends.
pub(super) fn map_shared(file: impl AsFd, len: usize) -> Result<*mut core::ffi::c_void, Errno> {
    // SAFETY: the kernel chooses where, and nothing is read or written through it.
    unsafe {
        rustix::mm::mmap(
            std::ptr::null_mut(),
            len,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            file,
            0,
        )
    }
}

/// The file behind a descriptor once more, with other rights.
fn reopened(file: impl AsFd, how: OFlags) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    rustix::fs::open(path, how, Mode::empty())
}

#[test]
fn nobody_can_change_an_export_in_any_way() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let memory = Memory::allocated(4096).unwrap();
    let before_export = duplicate(&memory);
    let sealed = server.client().export(memory, Release::LATEST).unwrap();
    let before = sealed.map().unwrap().to_vec();
    let after_export = before_export.try_clone().unwrap();
    let from_own = reopened(&before_export, OFlags::RDWR).unwrap();
    let from_sealed = reopened(&sealed, OFlags::RDWR).unwrap();
    for (name, file) in [
        ("a duplicate from before", before_export.as_fd()),
        ("a duplicate from after", after_export.as_fd()),
        ("its own, reopened", from_own.as_fd()),
        ("what came back, reopened", from_sealed.as_fd()),
    ] {
        let keep = FallocateFlags::KEEP_SIZE;
        let ways: [(&str, Result<(), Errno>); 13] = [
            ("write", rustix::io::pwrite(file, b"x", 0).map(drop)),
            ("append", rustix::io::pwrite(file, b"x", before.len() as u64).map(drop)),
            ("shrink", rustix::fs::ftruncate(file, 1)),
            ("grow", rustix::fs::ftruncate(file, 1 << 20)),
            (
                "truncate on opening",
                reopened(file, OFlags::RDWR | OFlags::TRUNC).map(drop),
            ),
            (
                "allocate",
                rustix::fs::fallocate(file, FallocateFlags::empty(), 0, 1 << 20),
            ),
            (
                "punch",
                rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | keep, 0, 8),
            ),
            ("map", map_shared(file, before.len()).map(drop)),
            (
                "seal: future write",
                rustix::fs::fcntl_add_seals(file, SealFlags::FUTURE_WRITE),
            ),
            ("seal: write", rustix::fs::fcntl_add_seals(file, SealFlags::WRITE)),
            ("seal: grow", rustix::fs::fcntl_add_seals(file, SealFlags::GROW)),
            ("seal: seal", rustix::fs::fcntl_add_seals(file, SealFlags::SEAL)),
            ("seal: nothing", rustix::fs::fcntl_add_seals(file, SealFlags::empty())),
        ];
        for (way, result) in ways {
            assert_eq!(result, Err(Errno::PERM), "{way} through {name}");
        }
        assert_eq!(
            made_writable(file, before.len()),
            Err(Errno::ACCESS),
            "mprotect through {name}"
        );
    }
    // The descriptor that came back does not even have the right to try.
    assert_eq!(rustix::io::pwrite(&sealed, b"x", 0), Err(Errno::BADF));
    assert_eq!(rustix::fs::ftruncate(&sealed, 1), Err(Errno::INVAL));
    assert_eq!(map_shared(&sealed, before.len()), Err(Errno::ACCESS));
    assert_eq!(*sealed.map().unwrap(), before[..]);
}

/// Maps memory to be read, and asks for the right to write to it afterwards.
fn made_writable(file: impl AsFd, len: usize) -> Result<(), Errno> {
    // SAFETY: the kernel chooses where, and nothing is read or written through it.
    unsafe {
        let start = rustix::mm::mmap(std::ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, file, 0)?;
        rustix::mm::mprotect(start, len, MprotectFlags::READ | MprotectFlags::WRITE)
    }
}
