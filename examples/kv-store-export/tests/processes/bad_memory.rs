//! Memory that is not what it should be, or does not stay as it is while the server fills it.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use devstate_kv_store_export::linux::{ClientError, ExportFailure, Memory};
use devstate_kv_store_export::{ExportError, Exportable, Item, Release};
use rustix::fs::{FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags};

use super::seals::map_shared;
use super::server::{Server, export_into, refusal};

#[test]
fn memory_that_is_mapped_for_writing_elsewhere_cannot_be_sealed() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let memory = Memory::new(4096).unwrap();
    map_shared(&memory, 4096).unwrap();
    assert_eq!(
        refusal(server.client().export(&memory, Release::LATEST)),
        ExportFailure::StillMapped
    );
    assert!(server.is_alive());
}

#[test]
fn memory_that_is_written_meanwhile_is_noticed() {
    let value = [7; 4096];
    let server = Server::start();
    let client = server.client();
    for i in 0..500 {
        client.write_item(Item::new(&format!("key{i}"), &value)).unwrap();
    }
    let noticed = (0..200).any(|_| {
        let memory = Memory::new(4 << 20).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = rustix::io::pwrite(&memory, b"malice", 1000);
                }
            });
            let result = client.export(&memory, Release::LATEST);
            stop.store(true, Ordering::Relaxed);
            match result {
                // It came too early or too late: then what was sealed is the export.
                Ok(sealed) => {
                    Exportable::load(&sealed.map().unwrap()).unwrap();
                    false
                }
                Err(ClientError::Export(ExportFailure::Modified)) => true,
                Err(other) => panic!("{other}"),
            }
        })
    });
    assert!(noticed, "a writer was never noticed");
}

#[test]
fn memory_that_is_truncated_meanwhile_harms_nobody() {
    let server = Server::with_items(&[("lamp", &[7; 4096]), ("lamp2", &[7; 4096])]);
    let client = server.client();
    for _ in 0..100 {
        let memory = Memory::new(1 << 20).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = rustix::fs::ftruncate(&memory, 1);
                    let _ = rustix::fs::ftruncate(&memory, 1 << 20);
                }
            });
            let result = client.export(&memory, Release::LATEST);
            stop.store(true, Ordering::Relaxed);
            match result {
                Ok(sealed) => drop(Exportable::load(&sealed.map().unwrap()).unwrap()),
                Err(ClientError::Export(
                    ExportFailure::Modified
                    | ExportFailure::Export(ExportError::StorageTooSmall { .. })
                    | ExportFailure::System { .. },
                )) => {}
                Err(other) => panic!("{other}"),
            }
        });
    }
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
    let sealed = Memory::new(4096).unwrap();
    rustix::fs::fcntl_add_seals(&sealed, SealFlags::WRITE).unwrap();
    assert_eq!(export_into(&server, &sealed), ExportFailure::AlreadySealed);

    let memory = Memory::new(4096).unwrap();
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

#[test]
fn memory_whose_pages_are_taken_away_meanwhile_harms_nobody() {
    let value = [7; 4096];
    let server = Server::start();
    let client = server.client();
    for i in 0..500 {
        client.write_item(Item::new(&format!("key{i}"), &value)).unwrap();
    }
    let taken_away = (0..200).any(|_| {
        let memory = Memory::new(4 << 20).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                while !stop.load(Ordering::Relaxed) {
                    let _ = rustix::fs::fallocate(&memory, hole, 0, 2 << 20);
                }
            });
            let result = client.export(&memory, Release::LATEST);
            stop.store(true, Ordering::Relaxed);
            match result {
                Ok(sealed) => {
                    Exportable::load(&sealed.map().unwrap()).unwrap();
                    false
                }
                Err(ClientError::Export(ExportFailure::Modified)) => true,
                Err(other) => panic!("{other}"),
            }
        })
    });
    assert!(taken_away, "no page was ever taken away in time");
    assert!(server.is_alive());
}
