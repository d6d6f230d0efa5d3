//! Who pays: a client that makes the memory, and a server that asks for more each time.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use devstate_kv_store_export::linux::{Client, ClientError, ExportFailure, MAX_PACKET, Memory, Reply, Request};
use devstate_kv_store_export::{ExportError, Exportable, Item, Release};
use rustix::fs::FallocateFlags;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketAddrUnix, SocketType,
};
use tempfile::TempDir;

use super::server::{Server, refusal_and_memory, size};

/// Bytes of memory that a file takes up.
fn allocated(file: impl AsFd) -> i64 {
    rustix::fs::fstat(file).unwrap().st_blocks * 512
}

#[test]
fn memory_is_there_and_paid_for_before_it_is_sent_or_not_at_all() {
    assert_eq!(allocated(Memory::new(1 << 20).unwrap()), 0);
    assert_eq!(allocated(Memory::allocated(1 << 20).unwrap()), 1 << 20);
    assert_eq!(size(Memory::allocated(0).unwrap()), 0);
}

#[test]
fn a_client_that_does_not_know_the_size_gets_all_within_its_limit() {
    let server = Server::with_a_large_export();
    let sealed = server.client().export_within(4 << 20, Release::LATEST).unwrap();
    assert_eq!(Exportable::load(&sealed.map().unwrap()).unwrap().len(), 500);
    let needed = sealed.len();
    assert_eq!(
        server.client().export_within(needed, Release::LATEST).unwrap().len(),
        needed
    );
    match server.client().export_within(needed - 1, Release::LATEST) {
        Err(ClientError::BeyondLimit { needed: found, limit }) => assert_eq!((found, limit), (needed, needed - 1)),
        other => panic!("{other:?}"),
    }
}

/// What a server whose store grows between any two requests is sent: size and allocated bytes of each memory.
fn sent_to_a_server_that_needs(needs: &[usize], limit: usize) -> (Vec<(i64, i64)>, ClientError) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("socket");
    let listener = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(move || {
            let client = rustix::net::accept(&listener).unwrap();
            let mut sent = Vec::new();
            for needed in needs {
                let Some(memory) = received_memory(&client) else { break };
                let available = usize::try_from(size(&memory)).unwrap();
                sent.push((size(&memory), allocated(&memory)));
                let needed = *needed;
                let failure = ExportFailure::Export(ExportError::StorageTooSmall { needed, available });
                let mut packet = [0; MAX_PACKET];
                let packet = postcard::to_slice(&Reply::NotExported(failure), &mut packet).unwrap();
                rustix::net::send(&client, packet, SendFlags::NOSIGNAL).unwrap();
            }
            sent
        });
        let client = Client::new(&path).unwrap();
        let refused = client.export_within(limit, Release::LATEST).unwrap_err();
        drop(client);
        (server.join().unwrap(), refused)
    })
}

/// The memory that came with a request for an export; `None` where the client has gone.
fn received_memory(client: &OwnedFd) -> Option<OwnedFd> {
    let mut packet = [0; MAX_PACKET];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let parts = &mut [IoSliceMut::new(&mut packet)];
    let received = rustix::net::recvmsg(client, parts, &mut ancillary, RecvFlags::empty()).ok()?;
    let memory = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    })?;
    let request: Request = postcard::from_bytes(&packet[..received.bytes]).unwrap();
    assert_eq!(request, Request::Export { release: 2 });
    Some(memory)
}

#[test]
fn a_server_that_always_asks_for_more_is_asked_a_few_times_and_named() {
    const PAGE: i64 = 4096;
    let needs: Vec<usize> = (1..=100).map(|pages| pages * 4096).collect();
    let (sent, refused) = sent_to_a_server_that_needs(&needs, usize::MAX);
    let expected: Vec<_> = (0..4).map(|pages| (pages * PAGE, pages * PAGE)).collect();
    assert_eq!(sent, expected);
    let said = refused.to_string();
    assert_eq!(said, "the server asked for more memory 4 times, for 16384 bytes last");
}

#[test]
fn what_a_server_claims_to_need_is_not_made_beyond_the_limit() {
    let (sent, refused) = sent_to_a_server_that_needs(&[4096, usize::MAX], 1 << 20);
    assert_eq!(sent, [(0, 0), (4096, 4096)]);
    assert!(
        matches!(
            refused,
            ClientError::BeyondLimit {
                needed: usize::MAX,
                limit: 0x10_0000
            }
        ),
        "{refused}"
    );
}

#[test]
fn memory_whose_pages_are_not_there_is_refused_and_left_alone() {
    let server = Server::with_a_large_export();
    let client = server.client();
    for memory in [Memory::new(4 << 20).unwrap(), partly_allocated(4 << 20)] {
        let before = (size(&memory), allocated(&memory));
        let (failure, memory) = refusal_and_memory(client.export(memory, Release::LATEST));
        assert!(matches!(failure, ExportFailure::NotAllocated { .. }), "{failure}");
        let memory = memory.expect("it was left alone, so it comes back");
        assert_eq!((size(&memory), allocated(&memory)), before);
    }
    assert!(server.is_alive());
}

/// The last page that an export needs is missing, and there are more behind it.
fn partly_allocated(len: u64) -> Memory {
    let memory = Memory::new(len).unwrap();
    rustix::fs::fallocate(&memory, FallocateFlags::empty(), 0, 1 << 20).unwrap();
    memory
}

/// Every export of ten, while items are written as fast as they can be.
#[test]
fn a_store_that_grows_all_the_time_is_exported_as_it_was_when_it_was_asked_for() {
    let server = Server::with_a_large_export();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (server, stop) = (&server, &stop);
            scope.spawn(move || {
                let client = server.client();
                for index in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let key = format!("writer{writer}.{index}");
                    client.write_item(Item::new(&key, &[7; 4096])).unwrap();
                }
            });
        }
        for _ in 0..10 {
            let sealed = server.client().export_within(1 << 30, Release::LATEST);
            let sealed = sealed.inspect_err(|_| stop.store(true, Ordering::Relaxed)).unwrap();
            Exportable::load(&sealed.map().unwrap()).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
}
