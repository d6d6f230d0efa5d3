//! What nobody can do to sealed memory any more, and what is not taken for it.

use std::io::{Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use devstate_memfd::{Memory, Sealed, SealedError};
use rustix::fs::{FallocateFlags, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

use super::{LARGE, content, duplicate, fill, map_shared, reopened};

#[test]
fn nobody_can_change_sealed_memory_in_any_way() {
    let memory = Memory::allocated(4096).unwrap();
    let before = duplicate(&memory);
    let bytes = content(1000);
    let sealed = fill(&memory, &bytes).unwrap();
    let after = duplicate(&memory);
    let from_own = reopened(&before, OFlags::RDWR).unwrap();
    let from_sealed = reopened(&sealed, OFlags::RDWR).unwrap();
    for (name, file) in [
        ("a duplicate from before", before.as_fd()),
        ("a duplicate from after", after.as_fd()),
        ("its own, reopened", from_own.as_fd()),
        ("what came back, reopened", from_sealed.as_fd()),
    ] {
        let keep = FallocateFlags::KEEP_SIZE;
        let ways: [(&str, Result<(), Errno>); 13] = [
            ("write", rustix::io::pwrite(file, b"x", 0).map(drop)),
            ("append", rustix::io::pwrite(file, b"x", bytes.len() as u64).map(drop)),
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
            ("map", map_shared(file, bytes.len()).map(drop)),
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
            made_writable(file, bytes.len()),
            Err(Errno::ACCESS),
            "mprotect through {name}"
        );
    }
    // The descriptor that came back does not even have the right to try.
    assert_eq!(rustix::io::pwrite(&sealed, b"x", 0), Err(Errno::BADF));
    assert_eq!(rustix::fs::ftruncate(&sealed, 1), Err(Errno::INVAL));
    assert_eq!(map_shared(&sealed, bytes.len()).map(drop), Err(Errno::ACCESS));
    assert!(
        rustix::io::fcntl_getfd(&sealed)
            .unwrap()
            .contains(rustix::io::FdFlags::CLOEXEC),
        "a program that this process starts would get it"
    );
    assert_eq!(sealed.to_vec().unwrap(), bytes);
}

/// Maps memory to be read, and asks for the right to write to it afterwards.
fn made_writable(file: impl AsFd, len: usize) -> Result<(), Errno> {
    // SAFETY: the kernel chooses where, and nothing is read or written through it.
    unsafe {
        let start = rustix::mm::mmap(std::ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, file, 0)?;
        rustix::mm::mprotect(start, len, MprotectFlags::READ | MprotectFlags::WRITE)
    }
}

#[test]
fn what_lacks_a_seal_is_not_taken_for_sealed_memory() {
    let all = [SealFlags::WRITE, SealFlags::SHRINK, SealFlags::GROW, SealFlags::SEAL];
    for missing in all {
        let memory = Memory::allocated(10).unwrap();
        for seal in all.into_iter().filter(|seal| *seal != missing) {
            // The one against more seals is the last one.
            rustix::fs::fcntl_add_seals(&memory, seal).unwrap();
        }
        let refusal = Sealed::new(duplicate(&memory)).unwrap_err();
        assert!(matches!(refusal, SealedError::NotSealed), "{missing:?}: {refusal}");
    }
    let (pipe, _other_end) = std::io::pipe().unwrap();
    let refusal = Sealed::new(pipe.into()).unwrap_err();
    assert!(matches!(refusal, SealedError::NotSealed), "{refusal}");
    assert_eq!(
        refusal.to_string(),
        "the memory is not sealed, so it could still change"
    );
}

#[test]
fn what_cannot_be_read_is_refused_at_once() {
    let sealed = fill(&Memory::allocated(10).unwrap(), b"hello").unwrap();
    // The mode 3 allows neither reading nor writing.
    let neither = OFlags::WRONLY | OFlags::RDWR;
    for mode in [OFlags::WRONLY, OFlags::PATH, neither] {
        let refusal = Sealed::new(reopened(&sealed, mode).unwrap()).unwrap_err();
        assert!(matches!(refusal, SealedError::NotReadable), "{mode:?}: {refusal}");
        assert_eq!(refusal.to_string(), "the descriptor is not open for reading");
    }
    for mode in [OFlags::RDONLY, OFlags::RDWR] {
        let again = Sealed::new(reopened(&sealed, mode).unwrap()).unwrap();
        assert_eq!(again.to_vec().unwrap(), b"hello");
    }
}

/// Four exbibytes without a page.
#[test]
fn memory_longer_than_there_is_room_for_is_an_error() {
    let memory = Memory::new(1 << 62).unwrap();
    rustix::fs::fcntl_add_seals(
        &memory,
        SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
    )
    .unwrap();
    let sealed = Sealed::new(duplicate(&memory)).unwrap();
    assert_eq!(sealed.len(), 1 << 62);
    let error = sealed.to_vec().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory, "{error}");
}

#[test]
fn sealed_memory_is_read_at_offsets_and_copied_to_files_pipes_and_devices() {
    let bytes = content(LARGE);
    let sealed = fill(&Memory::allocated(4 << 20).unwrap(), &bytes).unwrap();
    assert_eq!((sealed.len(), sealed.is_empty()), (LARGE, false));
    let mut part = [0; 10];
    sealed.as_file().read_exact_at(&mut part, 5000).unwrap();
    assert_eq!(part, bytes[5000..5010]);

    let mut file = tempfile::tempfile().unwrap();
    let mut seen = Vec::new();
    sealed.copy_to(&file, &mut |done| seen.push(done)).unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&LARGE), "{seen:?}");
    let mut copied = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut copied).unwrap();
    assert!(copied == bytes);

    let (mut reader, writer) = std::io::pipe().unwrap();
    let reads = std::thread::spawn(move || {
        let mut copied = Vec::new();
        reader.read_to_end(&mut copied).unwrap();
        copied
    });
    let writer = std::fs::File::from(std::os::fd::OwnedFd::from(writer));
    sealed.copy_to(&writer, &mut |_| ()).unwrap();
    drop(writer);
    assert!(reads.join().unwrap() == bytes);

    // The kernel itself sends no file to a device.
    let device = |path| std::fs::File::options().write(true).open(path).unwrap();
    let mut last = 0;
    sealed.copy_to(&device("/dev/null"), &mut |done| last = done).unwrap();
    assert_eq!(last, LARGE);
    let error = sealed.copy_to(&device("/dev/full"), &mut |_| ()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    // Nor does it write to what is open for appending; the pieces are written there.
    let appended = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&appended, b"before").unwrap();
    let target = std::fs::File::options().append(true).open(&appended).unwrap();
    sealed.copy_to(&target, &mut |_| ()).unwrap();
    assert!(std::fs::read(&appended).unwrap() == [b"before", &bytes[..]].concat());
}
