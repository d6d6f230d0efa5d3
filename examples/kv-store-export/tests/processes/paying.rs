//! Who pays: a client that makes the memory, and a server that asks for more each time.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use devstate_kv_store_export::linux::{Client, ClientError, ExportFailure, Memory, Reply, Request};
use devstate_kv_store_export::{ExportError, Exportable, Item, Release};
use devstate_socket::Listener;
use tempfile::TempDir;

use super::server::{Server, Socket, refusal_and_memory};

/// Size and bytes of the pages that are there.
fn shape(file: impl AsFd) -> (i64, i64) {
    let found = rustix::fs::fstat(file).unwrap();
    (found.st_size, found.st_blocks * 512)
}

#[test]
fn a_client_that_does_not_know_the_size_gets_all_within_its_limit() {
    let server = Server::with_a_large_export();
    let client = server.client();
    let sealed = client.export_within(4 << 20, Release::LATEST).unwrap();
    assert_eq!(Exportable::load(&sealed.to_vec().unwrap()).unwrap().len(), 500);
    let needed = sealed.len();
    assert_eq!(client.export_within(needed, Release::LATEST).unwrap().len(), needed);
    let refused = client.export_within(needed - 1, Release::LATEST);
    assert_eq!(beyond_limit(&refused.unwrap_err()), (needed, needed - 1));
}

/// Returns what was needed, and the limit.
fn beyond_limit(refused: &ClientError) -> (usize, usize) {
    match refused {
        ClientError::BeyondLimit { needed, limit } => (*needed, *limit),
        other => panic!("{other:?}"),
    }
}

/// Returns what `serve` makes of its one client, and what `ask` makes of that server.
fn with_server<S: Send, A>(serve: impl FnOnce(Socket) -> S + Send, ask: impl FnOnce(&Client) -> A) -> (S, A) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("socket");
    let listener = Listener::seqpacket(&path).unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(move || serve(Socket::accept(&listener).unwrap()));
        let asked = ask(&Client::new(&path).unwrap());
        (server.join().unwrap(), asked)
    })
}

/// What a server whose store grows between any two requests is sent: size and allocated bytes of each memory.
fn sent_to_a_server_that_needs(needs: &[usize], limit: usize) -> (Vec<(i64, i64)>, ClientError) {
    let serve = |client: Socket| {
        let mut sent = Vec::new();
        for needed in needs.iter().copied() {
            let received = client.receive::<Request>();
            let Ok(request) = received.message else { break };
            assert_eq!(request, Request::Export { release: 2 });
            let shape = shape(&received.descriptors[0]);
            let available = usize::try_from(shape.0).unwrap();
            sent.push(shape);
            let failure = ExportFailure::Export(ExportError::StorageTooSmall { needed, available });
            client.send(&Reply::NotExported(failure), &[]).unwrap();
        }
        sent
    };
    with_server(serve, |client| {
        client.export_within(limit, Release::LATEST).unwrap_err()
    })
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
    assert_eq!(beyond_limit(&refused), (usize::MAX, 1 << 20));
}

#[test]
fn an_export_beyond_the_limit_in_memory_of_the_servers_is_not_taken() {
    let server = Server::with_a_large_export();
    let sealed = server.client().export_within(4 << 20, Release::LATEST).unwrap();
    let len = sealed.len();
    let serve = |client: Socket| {
        for _ in 0..2 {
            client.receive::<Request>().message.unwrap();
            client.send(&Reply::Exported, &[sealed.as_fd()]).unwrap();
        }
    };
    let ((), refused) = with_server(serve, |client| {
        assert_eq!(client.export_within(len, Release::LATEST).unwrap().len(), len);
        client.export_within(len - 1, Release::LATEST).unwrap_err()
    });
    assert_eq!(beyond_limit(&refused), (len, len - 1));
}

#[test]
fn memory_whose_pages_are_not_there_is_refused_and_left_alone() {
    let server = Server::with_a_large_export();
    let memory = Memory::new(4 << 20).unwrap();
    let (failure, memory) = refusal_and_memory(server.client().export(memory, Release::LATEST));
    assert!(
        matches!(failure, ExportFailure::NotAllocated { allocated: 0, .. }),
        "{failure}"
    );
    let memory = memory.expect("it was left alone, so it comes back");
    assert_eq!(shape(memory), (4 << 20, 0));
    assert!(server.is_alive());
}

/// Every export of ten, while items are written as fast as they can be: so many for each export that the store has room for all.
#[test]
fn a_store_that_grows_all_the_time_is_exported_as_it_was_when_it_was_asked_for() {
    const ITEMS: usize = 2_500;
    let server = Server::with_a_large_export();
    let (stop, left) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for writer in 0..2 {
            let (server, stop, left) = (&server, &stop, &left);
            scope.spawn(move || {
                let client = server.client();
                let mut keys = (0..).map(|index| format!("writer{writer}.{index}"));
                while !stop.load(Ordering::Relaxed) {
                    let take = |left: usize| left.checked_sub(1);
                    if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
                        thread::yield_now();
                    } else if let Some(key) = keys.next() {
                        client.write_item(Item::new(&key, &[7; 4096])).unwrap();
                    }
                }
            });
        }
        let mut grew = 0;
        for _ in 0..10 {
            left.store(ITEMS, Ordering::Relaxed);
            let sealed = server.client().export_within(1 << 30, Release::LATEST);
            let sealed = sealed.inspect_err(|_| stop.store(true, Ordering::Relaxed)).unwrap();
            grew += usize::from((1..ITEMS).contains(&left.load(Ordering::Relaxed)));
            Exportable::load(&sealed.to_vec().unwrap()).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        assert!(grew > 0, "the store never grew from the start of an export to its end");
    });
}
