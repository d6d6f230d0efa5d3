//! Memory that does not stay as it is while a server fills it.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use devstate_memfd::{FillError, Memory, Sealed};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use rustix::mm::Advice;
use vm_memory::{Bytes, VolatileMemory};

use super::{LARGE, content, duplicate, fill, map_shared};

const ALLOCATED: u64 = 4 << 20;
const HOLE: FallocateFlags = FallocateFlags::PUNCH_HOLE.union(FallocateFlags::KEEP_SIZE);

/// Fills memory while `attack` runs, which ends when its argument says so. Returns what came of both.
fn meanwhile<T: Send>(
    memory: &Memory,
    attack: impl FnOnce(OwnedFd, &AtomicBool) -> T + Send,
) -> (Result<Sealed, FillError>, T) {
    let own = duplicate(memory);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let attacker = scope.spawn(|| attack(own, &over));
        let result = fill(memory, &content(LARGE));
        over.store(true, Ordering::Relaxed);
        (result, attacker.join().unwrap())
    })
}

fn is_whole(sealed: &Sealed) -> bool {
    sealed.to_vec().unwrap() == content(LARGE)
}

/// Through a mapping from before, which is gone before the server seals the memory: the one way that is left.
#[test]
fn memory_that_is_written_meanwhile_is_noticed() {
    const MAPPED: usize = 64 << 10;
    let noticed = (0..500).any(|_| {
        let memory = Memory::allocated(ALLOCATED).unwrap();
        let mapping = map_shared(&memory, MAPPED).unwrap();
        let (result, ()) = meanwhile(&memory, move |_, over| {
            let bytes = mapping.as_volatile_slice();
            // What lies there is written, so writing before it is too late to be written over.
            while bytes.read_obj::<u8>(MAPPED - 1).unwrap() == 0 && !over.load(Ordering::Relaxed) {}
            bytes.write_obj(!content(1001)[1000], 1000).unwrap();
        });
        match result {
            Err(FillError::Modified) => true,
            // It was too late to be gone.
            Err(FillError::StillMapped) => false,
            other => panic!("{other:?}"),
        }
    });
    assert!(noticed, "a writer was never noticed");
}

#[test]
fn memory_that_is_truncated_meanwhile_harms_nobody() {
    let (mut before, mut between, mut after) = (0, 0, 0);
    // With one processor nobody gets between two of the server's calls that follow each other.
    let alone = thread::available_parallelism().unwrap().get() == 1;
    for round in 0..5_000 {
        let memory = Memory::allocated(ALLOCATED).unwrap();
        let (result, refused) = meanwhile(&memory, |own, over| {
            let mut refused = 0_usize;
            while !over.load(Ordering::Relaxed) {
                refused += usize::from(rustix::fs::ftruncate(&own, 1) == Err(Errno::PERM));
                thread::yield_now();
                // Long enough, half of the time.
                let _ = rustix::fs::fallocate(&own, FallocateFlags::empty(), 0, ALLOCATED);
                thread::yield_now();
            }
            refused
        });
        match result {
            // Between the server's own truncation and its seals.
            Err(FillError::Modified | FillError::NotAllocated { .. }) => between += 1,
            Err(FillError::TooSmall { available, .. }) => {
                assert_eq!(available, 1);
                before += 1;
            }
            Ok(sealed) => {
                assert!(is_whole(&sealed));
                after += usize::from(refused > 0);
            }
            Err(other) => panic!("{other}"),
        }
        if round >= 100 && before > 0 && after > 0 && (between > 0 || alone) {
            break;
        }
    }
    assert!(before > 0, "the memory was never too short");
    assert!(between > 0 || alone, "it was never truncated between size and seals");
    assert!(after > 0, "nobody ever tried to truncate it behind the seals");
}

/// From when the server begins to write until the memory is sealed for good, nothing but a mapping from before can reach it.
#[test]
fn memory_that_is_filled_takes_no_new_writer_and_loses_no_page() {
    const MAPPED: usize = 64 << 10;
    let unharmed = (0..200).any(|_| {
        let memory = Memory::allocated(ALLOCATED).unwrap();
        let mapping = map_shared(&memory, MAPPED).unwrap();
        let (result, ()) = meanwhile(&memory, move |own, over| {
            let start = mapping.as_ptr().cast();
            // SAFETY: the range is the one that was mapped, and nothing refers to it.
            let remove = || unsafe { rustix::mm::madvise(start, MAPPED, Advice::LinuxRemove) };
            let write = || rustix::io::pwrite(&own, b"malice", 1000).map(drop);
            // As long as this mapping is there the memory is not sealed for good, so what says no is the seal that comes
            // before the server's first byte.
            loop {
                let is_over = over.load(Ordering::Relaxed);
                if write().is_err() {
                    break;
                }
                assert!(!is_over, "it was filled, and could be written all the time");
            }
            let refused = [
                ("MADV_REMOVE", remove()),
                ("a hole", rustix::fs::fallocate(&own, HOLE, 0, MAPPED as u64)),
                ("a write", write()),
                ("a new mapping", map_shared(&own, MAPPED).map(drop)),
                ("a truncation", rustix::fs::ftruncate(&own, 1)),
            ];
            drop(mapping);
            for (way, result) in refused {
                assert_eq!(result, Err(Errno::PERM), "{way}");
            }
        });
        match result {
            Ok(sealed) => is_whole(&sealed),
            // The mapping was too late to be gone.
            Err(FillError::StillMapped) => false,
            Err(other) => panic!("{other}"),
        }
    });
    assert!(unharmed, "nothing was ever ready in time");
}

/// What is written before the server forbids it is written over, pages that were taken away before are missed, and what is done
/// later is refused.
#[test]
fn holes_and_writes_at_any_time_harm_nothing() {
    let (mut filled, mut missed) = (0, 0);
    for _ in 0..200 {
        let memory = Memory::allocated(ALLOCATED).unwrap();
        let (result, ()) = meanwhile(&memory, |own, over| {
            while !over.load(Ordering::Relaxed) {
                let _ = rustix::fs::fallocate(&own, HOLE, 0, 1 << 20);
                // Behind the end there would be room for as many pages as were taken away.
                let _ = rustix::fs::fallocate(&own, FallocateFlags::KEEP_SIZE, ALLOCATED, 1 << 20);
                thread::yield_now();
                let _ = rustix::fs::fallocate(&own, FallocateFlags::KEEP_SIZE, 0, ALLOCATED);
                let _ = rustix::io::pwrite(&own, b"malice", 1000);
                thread::yield_now();
            }
        });
        match result {
            Ok(sealed) => {
                assert!(is_whole(&sealed));
                filled += 1;
            }
            Err(FillError::NotAllocated { .. }) => missed += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(filled > 0 && missed > 0, "{filled} filled, {missed} refused");
}
