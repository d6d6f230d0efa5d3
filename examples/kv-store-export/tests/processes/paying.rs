//! Who pays: a client that makes the memory, and a server that asks for more each time.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use devstate_kv_store_export::linux::{Client, ClientError, ExportFailure, MAX_PACKET, Memory, Reply, Request};
use devstate_kv_store_export::{ExportError, Exportable, Release};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketAddrUnix, SocketType,
};
use tempfile::TempDir;

use super::server::{Server, size};

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
        Err(ClientError::Export(ExportFailure::Export(error))) => {
            let available = needed - 1;
            assert_eq!(error, ExportError::StorageTooSmall { needed, available });
        }
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
fn a_store_that_always_grows_is_asked_a_few_times_and_paid_for_each_time() {
    const PAGE: i64 = 4096;
    let needs: Vec<usize> = (1..=100).map(|pages| pages * 4096).collect();
    let (sent, refused) = sent_to_a_server_that_needs(&needs, usize::MAX);
    let expected: Vec<_> = (0..8).map(|pages| (pages * PAGE, pages * PAGE)).collect();
    assert_eq!(sent, expected);
    assert!(
        matches!(
            refused,
            ClientError::Export(ExportFailure::Export(ExportError::StorageTooSmall {
                needed: 32_768,
                ..
            }))
        ),
        "{refused}"
    );
}

#[test]
fn what_a_server_claims_to_need_is_not_made_beyond_the_limit() {
    let (sent, refused) = sent_to_a_server_that_needs(&[4096, usize::MAX], 1 << 20);
    assert_eq!(sent, [(0, 0), (4096, 4096)]);
    assert!(
        matches!(
            refused,
            ClientError::Export(ExportFailure::Export(ExportError::StorageTooSmall {
                needed: usize::MAX,
                available: 0x10_0000
            }))
        ),
        "{refused}"
    );
}
