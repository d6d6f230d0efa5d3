//! Memory that is not what it should be, or does not stay as it is while the server fills it.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use devstate_kv_store_export::linux::{ClientError, ExportFailure, Memory};
use devstate_kv_store_export::{ExportError, Exportable, Release};
use rustix::fs::{FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::Advice;

use super::seals::map_shared;
use super::server::{Server, duplicate, export_into, refusal_and_memory};

#[test]
fn memory_that_is_mapped_for_writing_elsewhere_cannot_be_sealed() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let memory = Memory::allocated(4096).unwrap();
    map_shared(&memory, 4096).unwrap();
    let (failure, memory) = refusal_and_memory(server.client().export(memory, Release::LATEST));
    assert_eq!(failure, ExportFailure::StillMapped);
    assert!(memory.is_none(), "it is not as it was");
    assert!(server.is_alive());
}

/// Through a mapping from before, which is gone before the server seals the memory: the one way that is left.
#[test]
fn memory_that_is_written_meanwhile_is_noticed() {
    const MAPPED: usize = 64 << 10;
    let server = Server::with_a_large_export();
    let client = server.client();
    let noticed = (0..500).any(|_| {
        let memory = Memory::allocated(4 << 20).unwrap();
        let start = map_shared(&memory, MAPPED).unwrap() as usize;
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let start = start as *mut u8;
                // SAFETY: both bytes are within the mapping, which this thread alone uses and undoes, and whose file does
                // not become shorter than an export, which is longer.
                unsafe {
                    // What lies there is written, so writing before it is too late to be written over.
                    while start.add(MAPPED - 1).read_volatile() == 0 && !stop.load(Ordering::Relaxed) {}
                    start.add(1000).write_volatile(b'!');
                    rustix::mm::munmap(start.cast(), MAPPED).unwrap();
                }
            });
            let result = client.export(memory, Release::LATEST);
            stop.store(true, Ordering::Relaxed);
            match result.map_err(|refused| refused.error) {
                Err(ClientError::Export(ExportFailure::Modified)) => true,
                // It was too late to be gone.
                Err(ClientError::Export(ExportFailure::StillMapped)) => false,
                other => panic!("{other:?}"),
            }
        })
    });
    assert!(noticed, "a writer was never noticed");
    assert!(server.is_alive());
}

#[test]
fn memory_that_is_truncated_meanwhile_harms_nobody() {
    const LEN: u64 = 2 << 20;
    let server = Server::with_a_large_export();
    let client = server.client();
    let (mut before, mut meanwhile, mut after) = (0, 0, 0);
    // With one processor nobody gets between two of the server's calls that follow each other.
    let alone = thread::available_parallelism().unwrap().get() == 1;
    for round in 0..5_000 {
        let memory = Memory::allocated(LEN).unwrap();
        let own = duplicate(&memory);
        let stop = AtomicBool::new(false);
        let (result, refused) = thread::scope(|scope| {
            let truncating = scope.spawn(|| {
                let mut refused = 0_usize;
                while !stop.load(Ordering::Relaxed) {
                    refused += usize::from(rustix::fs::ftruncate(&own, 1) == Err(Errno::PERM));
                    thread::yield_now();
                    // Long enough for an export, half of the time.
                    let _ = rustix::fs::fallocate(&own, FallocateFlags::empty(), 0, LEN);
                    thread::yield_now();
                }
                refused
            });
            let result = client.export(memory, Release::LATEST);
            stop.store(true, Ordering::Relaxed);
            (result, truncating.join().unwrap())
        });
        match result.map_err(|refused| refused.error) {
            // Between the server's own truncation and its seals.
            Err(ClientError::Export(ExportFailure::Modified | ExportFailure::NotAllocated { .. })) => meanwhile += 1,
            Err(ClientError::Export(ExportFailure::Export(ExportError::StorageTooSmall { available, .. }))) => {
                assert_eq!(available, 1);
                before += 1;
            }
            Ok(sealed) => {
                Exportable::load(&sealed.map().unwrap()).unwrap();
                after += usize::from(refused > 0);
            }
            Err(other) => panic!("{other}"),
        }
        if round >= 100 && before > 0 && after > 0 && (meanwhile > 0 || alone) {
            break;
        }
    }
    assert!(before > 0, "the memory was never too short");
    assert!(meanwhile > 0 || alone, "it was never truncated between size and seals");
    assert!(after > 0, "nobody ever tried to truncate it behind the seals");
    assert!(server.is_alive());
}

/// From when the server begins to write until the memory is sealed for good, nothing but a mapping from before can reach it.
#[test]
fn memory_that_is_filled_takes_no_new_writer_and_loses_no_page() {
    const MAPPED: usize = 64 << 10;
    let server = Server::with_a_large_export();
    let client = server.client();
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let unharmed = (0..200).any(|_| {
        let memory = Memory::allocated(4 << 20).unwrap();
        let own = duplicate(&memory);
        let start = map_shared(&memory, MAPPED).unwrap() as usize;
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let start = start as *mut std::ffi::c_void;
                // SAFETY: the range is the one that was mapped, and nothing refers to it.
                let remove = || unsafe { rustix::mm::madvise(start, MAPPED, Advice::LinuxRemove) };
                let write = || rustix::io::pwrite(&own, b"malice", 1000).map(drop);
                // As long as this mapping is there the memory is not sealed for good, so what says no is the seal that
                // comes before the server's first byte.
                loop {
                    let is_over = stop.load(Ordering::Relaxed);
                    if write().is_err() {
                        break;
                    }
                    assert!(!is_over, "it was filled, and could be written all the time");
                }
                let refused = [
                    ("MADV_REMOVE", remove()),
                    ("a hole", rustix::fs::fallocate(&own, hole, 0, MAPPED as u64)),
                    ("a write", write()),
                    ("a new mapping", map_shared(&own, MAPPED).map(drop)),
                    ("a truncation", rustix::fs::ftruncate(&own, 1)),
                ];
                // SAFETY: as above.
                unsafe { rustix::mm::munmap(start, MAPPED).unwrap() };
                for (way, result) in refused {
                    assert_eq!(result, Err(Errno::PERM), "{way}");
                }
            });
            let result = client.export(memory, Release::LATEST);
            stop.store(true, Ordering::Relaxed);
            match result.map_err(|refused| refused.error) {
                Ok(sealed) => Exportable::load(&sealed.map().unwrap()).is_ok(),
                // The mapping was too late to be gone.
                Err(ClientError::Export(ExportFailure::StillMapped)) => false,
                Err(other) => panic!("{other}"),
            }
        })
    });
    assert!(unharmed, "no export was ever ready in time");
    assert!(server.is_alive());
}

/// What is written before the server forbids it is written over, pages that were taken away before are missed, and what is done
/// later is refused: no export is harmed.
#[test]
fn holes_and_writes_at_any_time_harm_no_export() {
    const LEN: u64 = 4 << 20;
    let server = Server::with_a_large_export();
    let client = server.client();
    let (mut exported, mut missed) = (0, 0);
    for _ in 0..200 {
        let memory = Memory::allocated(LEN).unwrap();
        let own = duplicate(&memory);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                while !stop.load(Ordering::Relaxed) {
                    let _ = rustix::fs::fallocate(&own, hole, 0, 1 << 20);
                    // Behind the end there would be room for as many pages as were taken away.
                    let _ = rustix::fs::fallocate(&own, FallocateFlags::KEEP_SIZE, LEN, 1 << 20);
                    thread::yield_now();
                    let _ = rustix::fs::fallocate(&own, FallocateFlags::KEEP_SIZE, 0, LEN);
                    let _ = rustix::io::pwrite(&own, b"malice", 1000);
                    thread::yield_now();
                }
            });
            let result = client.export(memory, Release::LATEST);
            stop.store(true, Ordering::Relaxed);
            match result.map_err(|refused| refused.error) {
                Ok(sealed) => {
                    Exportable::load(&sealed.map().unwrap()).unwrap();
                    exported += 1;
                }
                Err(ClientError::Export(ExportFailure::NotAllocated { .. })) => missed += 1,
                Err(other) => panic!("{other}"),
            }
        });
    }
    assert!(exported > 0 && missed > 0, "{exported} exports, {missed} refusals");
    assert!(server.is_alive());
}

#[test]
fn descriptors_of_the_wrong_kind_are_refused_by_name() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let (pipe, _other_end) = rustix::pipe::pipe().unwrap();
    let (stream, _peer) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    file.set_len(4096).unwrap();
    let directory = File::open(server.directory.path()).unwrap();
    for (name, descriptor) in [
        ("a pipe", pipe.as_fd()),
        ("a socket", stream.as_fd()),
        ("a directory", directory.as_fd()),
    ] {
        assert_eq!(export_into(&server, descriptor), ExportFailure::NotMemory, "{name}");
    }
    // A file on a tmpfs knows seals, and has the one that forbids more of them.
    let failure = export_into(&server, &file);
    assert!(
        matches!(failure, ExportFailure::NotMemory | ExportFailure::AlreadySealed),
        "{failure:?}"
    );

    let unsealable = rustix::fs::memfd_create("unsealable", MemfdFlags::CLOEXEC).unwrap();
    assert_eq!(export_into(&server, &unsealable), ExportFailure::AlreadySealed);
    let sealed = Memory::allocated(4096).unwrap();
    rustix::fs::fcntl_add_seals(&sealed, SealFlags::WRITE).unwrap();
    assert_eq!(export_into(&server, &sealed), ExportFailure::AlreadySealed);

    let memory = Memory::allocated(4096).unwrap();
    let path = format!("/proc/self/fd/{}", memory.as_fd().as_raw_fd());
    let read_only = rustix::fs::open(path, OFlags::RDONLY, Mode::empty()).unwrap();
    assert_eq!(export_into(&server, &read_only), ExportFailure::NotWritable);
    assert!(server.is_alive());
}

#[test]
fn huge_pages_are_refused_and_a_seal_against_executing_is_not() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let sealable = MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create("huge", sealable | MemfdFlags::HUGETLB) {
        Ok(huge) => {
            rustix::fs::ftruncate(&huge, 1 << 30).unwrap();
            assert_eq!(export_into(&server, &huge), ExportFailure::NotMemory);
        }
        Err(errno) => eprintln!("skipped: this system has no huge pages: {errno}"),
    }
    match rustix::fs::memfd_create("no code", sealable | MemfdFlags::NOEXEC_SEAL) {
        // Too small is what is found next.
        Ok(memory) => assert!(matches!(
            export_into(&server, &memory),
            ExportFailure::Export(ExportError::StorageTooSmall { available: 0, .. })
        )),
        Err(errno) => eprintln!("skipped: this system has no such seal: {errno}"),
    }
}
