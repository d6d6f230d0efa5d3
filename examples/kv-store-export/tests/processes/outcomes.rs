//! What an export can come to, and a write.

use std::os::fd::{AsFd, AsRawFd};

use devstate_core::Region;
use devstate_kv_store_export::linux::{ClientError, ExportFailure, Memory, Reply};
use devstate_kv_store_export::{ExportError, Exportable, Item, Release, Store, WriteError, export};

use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use super::server::{Server, answer, ask_for_export, duplicate, refusal, refusal_and_memory, size};

#[test]
fn an_export_comes_back_sealed_with_every_item_in_order() {
    let server = Server::with_items(&[("zebra", b"last"), ("apple", b"first"), ("mango", &[0; 4096])]);
    let memory = Memory::allocated(1 << 20).unwrap();
    let kept = duplicate(&memory);
    let sealed = server.client().export(memory, Release::LATEST).unwrap();
    let export = sealed.to_vec().unwrap();
    let exportable = Exportable::load(&export).unwrap();
    let mut keys = Vec::new();
    exportable
        .visit(&mut |item| keys.push((item.key, item.value.len())))
        .unwrap();
    assert_eq!(keys, [("apple", 5), ("mango", 4096), ("zebra", 4)]);
    let size = i64::try_from(sealed.len()).unwrap();
    assert_eq!(self::size(&kept), size, "the memory has the export's size");
    assert_eq!(rustix::io::pwrite(&kept, b"x", 0), Err(Errno::PERM), "it is sealed");
    assert_eq!(
        rustix::io::pwrite(&sealed, b"x", 0),
        Err(Errno::BADF),
        "it can only be read"
    );
}

#[test]
fn an_empty_store_exports_nothing_and_leaves_the_memory_alone() {
    let server = Server::start();
    let memory = Memory::allocated(4).unwrap();
    let (failure, memory) = refusal_and_memory(server.client().export(memory, Release::LATEST));
    // Looked at first: the memory is too small as well.
    assert_eq!(failure, ExportFailure::Export(ExportError::Empty));
    let memory = memory.unwrap();
    assert_eq!(size(&memory), 4);
    assert!(rustix::fs::fcntl_get_seals(&memory).unwrap().is_empty());
}

/// Before the release, the descriptor, and what the descriptor is of.
#[test]
fn an_empty_store_says_so_before_it_looks_at_the_request() {
    let server = Server::start();
    let empty = Some(Reply::NotExported(ExportFailure::Export(ExportError::Empty)));
    let file = tempfile::tempfile().unwrap();
    for (release, descriptors) in [(2, &[][..]), (9, &[]), (2, &[file.as_fd()])] {
        let socket = server.connect();
        ask_for_export(&socket, release, descriptors);
        assert_eq!(answer(&socket), empty, "release {release}, {descriptors:?}");
    }
}

#[test]
fn memory_that_is_too_small_is_refused_and_left_alone_and_an_exact_fit_is_taken() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let small = Memory::allocated(10).unwrap();
    let (failure, small) = refusal_and_memory(server.client().export(small, Release::LATEST));
    let small = small.expect("it was left alone, so it comes back");
    let ExportFailure::Export(ExportError::StorageTooSmall { needed, available: 10 }) = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(size(&small), 10);
    assert!(rustix::fs::fcntl_get_seals(&small).unwrap().is_empty());
    let short = Memory::allocated(needed as u64 - 1).unwrap();
    refusal(server.client().export(short, Release::LATEST));
    let exact = Memory::allocated(needed as u64).unwrap();
    assert_eq!(server.client().export(exact, Release::LATEST).unwrap().len(), needed);
}

/// What can be wrong with memory is tried in `devstate-memfd`; here, that the client is told.
#[test]
fn a_client_is_told_what_is_wrong_with_its_memory() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let memory = Memory::allocated(4096).unwrap();
    let path = format!("/proc/self/fd/{}", memory.as_fd().as_raw_fd());
    let read_only = rustix::fs::open(path, OFlags::RDONLY, Mode::empty()).unwrap();
    let unsealable = rustix::fs::memfd_create("unsealable", MemfdFlags::CLOEXEC).unwrap();
    for (descriptor, expected) in [
        (std::io::pipe().unwrap().0.into(), ExportFailure::NotMemory),
        (unsealable, ExportFailure::AlreadySealed),
        (read_only, ExportFailure::NotWritable),
    ] {
        let result = server.client().export(descriptor.into(), Release::LATEST);
        assert_eq!(refusal(result), expected);
    }
    // SAFETY: the kernel chooses where, and nothing is read or written through the mapping. It stays until the process ends.
    unsafe {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        rustix::mm::mmap(std::ptr::null_mut(), 4096, access, MapFlags::SHARED, &memory, 0).unwrap();
    }
    let (failure, memory) = refusal_and_memory(server.client().export(memory, Release::LATEST));
    assert_eq!(failure, ExportFailure::StillMapped);
    assert!(memory.is_none(), "it is not as it was");
    assert!(server.is_alive());
}

#[test]
fn an_older_release_is_written_unless_it_would_lose_what_matters() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let client = server.client();
    let sealed = client.export(Memory::allocated(4096).unwrap(), Release::V1).unwrap();
    assert_eq!(
        Exportable::load(&sealed.to_vec().unwrap()).unwrap().release(),
        Release::V1
    );
    client
        .write_item(Item {
            sensitive: true,
            ..Item::new("password", b"hunter2")
        })
        .unwrap();
    let failure = refusal(client.export(Memory::allocated(4096).unwrap(), Release::V1));
    assert_eq!(failure, ExportFailure::Export(ExportError::Lossy { item: 1 }));
}

#[test]
fn items_are_refused_with_the_reason() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let write = |key: &str, value: &[u8]| match server.client().write_item(Item::new(key, value)) {
        Err(ClientError::Write(error)) => Some(error),
        Ok(()) => None,
        Err(other) => panic!("{other}"),
    };
    for key in ["", "a", "1st", "lamp_", "la mp", "lämp", &"k".repeat(65)] {
        assert_eq!(write(key, b"x"), Some(WriteError::InvalidKey), "{key}");
    }
    assert_eq!(write(&"k".repeat(64), b"x"), None);
    assert_eq!(write("empty", b""), Some(WriteError::InvalidValue { len: 0 }));
    assert_eq!(write("long", &[0; 4097]), Some(WriteError::InvalidValue { len: 4097 }));
    assert_eq!(write("longest", &[0; 4096]), None);
    assert_eq!(write("lamp", b"off"), Some(WriteError::AlreadyExists));
    assert_eq!(server.client().get("lamp").unwrap().unwrap().value, b"on");
}

/// 100,000 items with 32-byte keys and values of 64 to 1,024 bytes, through a server that was started with them.
#[test]
fn a_hundred_thousand_items_go_through_and_come_back_the_same() {
    const ITEMS: usize = 100_000;
    let whole = || {
        let mut store: Box<Store<ITEMS, { 64 << 20 }>> = Box::default();
        for index in 0..ITEMS {
            let key = format!("item.{index:027}");
            let value = vec![index as u8; 64 + index.wrapping_mul(0x9e37_79b9) % 961];
            let item = Item {
                written: 1_767_323_046,
                ..Item::new(&key, &value)
            };
            store.write_item(item).unwrap();
        }
        let mut memory = vec![0; 128 << 20];
        export(&store, Release::LATEST, Region::from(&mut memory[..]))
            .unwrap()
            .to_vec()
    };
    // The store is made on the stack on its way to the heap.
    let thread = std::thread::Builder::new().stack_size(512 << 20).spawn(whole).unwrap();
    let whole = thread.join().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("export");
    std::fs::write(&file, &whole).unwrap();
    let server = Server::start_with(&["--from", file.to_str().unwrap()]);
    let sealed = server.client().export_within(1 << 30, Release::LATEST).unwrap();
    assert!(
        *sealed.to_vec().unwrap() == whole[..],
        "what came back is not what the server was started with"
    );
}
