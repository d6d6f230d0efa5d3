//! What a server finds before it writes, and what it did not write.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use devstate_memfd::{FillError, Filling, Memory, Sealed};
use devstate_versioning::Sink;
use devstate_versioning::checksum::Crc64Slice16;
use rustix::fs::{FallocateFlags, MemfdFlags, OFlags, SealFlags};

use super::{LARGE, content, duplicate, fill, map_shared, reopened, size};

#[test]
fn memory_is_there_and_paid_for_before_it_is_sent_or_not_at_all() {
    assert_eq!(size(Memory::new(1 << 20).unwrap()), (1 << 20, 0));
    assert_eq!(size(Memory::allocated(1 << 20).unwrap()), (1 << 20, 1 << 20));
    assert_eq!(size(Memory::allocated(0).unwrap()), (0, 0));
    let cloexec = rustix::io::fcntl_getfd(Memory::new(0).unwrap()).unwrap();
    assert!(cloexec.contains(rustix::io::FdFlags::CLOEXEC));
    Memory::allocated(u64::MAX).unwrap_err();
}

#[test]
fn memory_comes_back_with_exactly_the_bytes_that_were_written() {
    for len in [1, 4095, 4096, 4097, 100_000, LARGE] {
        let memory = Memory::allocated(4 << 20).unwrap();
        let bytes = content(len);
        let sealed = fill(&memory, &bytes).unwrap();
        assert_eq!(size(&memory).0, len as u64, "it has exactly that size");
        assert!(sealed.to_vec().unwrap() == bytes, "{len} bytes");
        assert!(!memory.is_unchanged());
        // What a client does with it.
        Sealed::new(duplicate(&sealed)).unwrap();
    }
    let exact = Memory::allocated(4096).unwrap();
    fill(&exact, &content(4096)).unwrap();
}

#[test]
fn more_bytes_than_were_announced_are_not_taken_and_fewer_are_not_sealed() {
    let memory = Memory::allocated(4096).unwrap();
    let mut filling = Filling::<Crc64Slice16>::prepare(&memory, 10).unwrap();
    assert!(filling.put(b"hello"));
    assert!(!filling.put(b"world!"), "one too many");
    assert!(filling.put(b"world") && filling.put(b"") && !filling.put(b"!"));
    assert_eq!(filling.seal().unwrap().to_vec().unwrap(), b"helloworld");

    let memory = Memory::allocated(4096).unwrap();
    let mut filling = Filling::<Crc64Slice16>::prepare(&memory, 10).unwrap();
    assert!(filling.put(b"ninebytes"));
    let refusal = filling.seal().unwrap_err();
    assert!(
        matches!(refusal, FillError::Unfinished { needed: 10, filled: 9 }),
        "{refusal}"
    );
    assert!(!sealed_for_good(&memory));

    let refusal = Filling::<Crc64Slice16>::prepare(&memory, 0).unwrap_err();
    assert!(
        matches!(&refusal, FillError::System(error) if error.kind() == std::io::ErrorKind::InvalidInput),
        "{refusal}"
    );
}

fn sealed_for_good(memory: impl AsFd) -> bool {
    rustix::fs::fcntl_get_seals(memory).unwrap().contains(SealFlags::WRITE)
}

#[test]
fn memory_that_is_too_small_is_left_alone() {
    let memory = Memory::allocated(10).unwrap();
    let refusal = fill(&memory, &content(11)).unwrap_err();
    assert!(
        matches!(
            refusal,
            FillError::TooSmall {
                needed: 11,
                available: 10
            }
        ),
        "{refusal}"
    );
    assert!(memory.is_unchanged());
    rustix::fs::ftruncate(&memory, 11).unwrap();
    assert!(!memory.is_unchanged(), "its size is another one");
    let memory = Memory::allocated(10).unwrap();
    rustix::fs::fcntl_add_seals(&memory, SealFlags::GROW).unwrap();
    assert!(!memory.is_unchanged(), "it has another seal");
}

#[test]
fn memory_whose_pages_are_not_all_there_is_refused_and_left_alone() {
    const LEN: u64 = 4 << 20;
    let nothing = Memory::new(LEN).unwrap();
    let start_only = Memory::new(LEN).unwrap();
    rustix::fs::fallocate(&start_only, FallocateFlags::empty(), 0, LARGE as u64 - 4096).unwrap();
    for memory in [nothing, start_only] {
        let before = size(&memory);
        let refusal = fill(&memory, &content(LARGE)).unwrap_err();
        assert!(
            matches!(refusal, FillError::NotAllocated { needed, allocated } if needed == LARGE as u64 && allocated == before.1),
            "{refusal}"
        );
        assert_eq!(size(&memory), before);
        assert!(memory.is_unchanged());
    }
    // Pages that are there, but behind the end of what is needed.
    let end_only = Memory::new(LEN).unwrap();
    rustix::fs::fallocate(&end_only, FallocateFlags::empty(), LARGE as u64, LARGE as u64).unwrap();
    let refusal = fill(&end_only, &content(LARGE)).unwrap_err();
    assert!(
        matches!(refusal, FillError::NotAllocated { allocated: 0, .. }),
        "{refusal}"
    );
    assert_eq!(size(&end_only).1, 0, "and none was made");
}

#[test]
fn memory_that_is_mapped_for_writing_elsewhere_cannot_be_sealed() {
    let memory = Memory::allocated(4096).unwrap();
    let mapping = map_shared(&memory, 4096).unwrap();
    let refusal = fill(&memory, &content(4096)).unwrap_err();
    assert!(matches!(refusal, FillError::StillMapped), "{refusal}");
    drop(mapping);
}

#[test]
fn descriptors_of_the_wrong_kind_are_refused_by_name() {
    let refusal = |descriptor: &dyn Fn() -> std::os::fd::OwnedFd| fill(&descriptor(), b"on").unwrap_err();
    let directory = tempfile::tempdir().unwrap();
    let others: [(&str, &dyn Fn() -> std::os::fd::OwnedFd); 3] = [
        ("a pipe", &|| std::io::pipe().unwrap().0.into()),
        ("a socket", &|| UnixStream::pair().unwrap().0.into()),
        ("a directory", &|| File::open(directory.path()).unwrap().into()),
    ];
    for (name, descriptor) in others {
        let refusal = refusal(descriptor);
        assert!(matches!(refusal, FillError::NotMemory), "{name}: {refusal}");
    }
    // A file on a tmpfs knows seals, and has the one that forbids more of them.
    let file = tempfile::tempfile().unwrap();
    file.set_len(4096).unwrap();
    let found = fill(&file, b"on").unwrap_err();
    assert!(
        matches!(found, FillError::NotMemory | FillError::AlreadySealed),
        "{found}"
    );

    let unsealable = rustix::fs::memfd_create("unsealable", MemfdFlags::CLOEXEC).unwrap();
    let found = fill(&unsealable, b"on").unwrap_err();
    assert!(matches!(found, FillError::AlreadySealed), "{found}");
    for seal in [
        SealFlags::WRITE,
        SealFlags::FUTURE_WRITE,
        SealFlags::SHRINK,
        SealFlags::GROW,
    ] {
        let sealed = Memory::allocated(4096).unwrap();
        rustix::fs::fcntl_add_seals(&sealed, seal).unwrap();
        let found = fill(&sealed, b"on").unwrap_err();
        assert!(matches!(found, FillError::AlreadySealed), "{seal:?}: {found}");
    }
    let memory = Memory::allocated(4096).unwrap();
    for how in [OFlags::RDONLY, OFlags::WRONLY] {
        let found = fill(&reopened(&memory, how).unwrap(), b"on").unwrap_err();
        assert!(matches!(found, FillError::NotWritable), "{how:?}: {found}");
    }
    assert!(memory.is_unchanged());
}

#[test]
fn huge_pages_are_refused_and_a_seal_against_executing_is_not() {
    let sealable = MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create("huge", sealable | MemfdFlags::HUGETLB) {
        Ok(huge) => {
            rustix::fs::ftruncate(&huge, 1 << 30).unwrap();
            let refusal = fill(&huge, b"on").unwrap_err();
            assert!(matches!(refusal, FillError::NotMemory), "{refusal}");
        }
        Err(errno) => eprintln!("skipped: this system has no huge pages: {errno}"),
    }
    match rustix::fs::memfd_create("no code", sealable | MemfdFlags::NOEXEC_SEAL) {
        Ok(memory) => {
            rustix::fs::fallocate(&memory, FallocateFlags::empty(), 0, 4096).unwrap();
            fill(&memory, b"on").unwrap();
        }
        Err(errno) => eprintln!("skipped: this system has no such seal: {errno}"),
    }
}
