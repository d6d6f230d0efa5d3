//! Clients that send anything, say nothing, never stop, or are many.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use devstate_kv_store_export::linux::{Client, ExportFailure, MAX_PACKET, Memory, Reply, Request, ServerLimits};
use devstate_kv_store_export::{Exportable, Item, Release};
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::server::{Raw, Server, answer, ask_for_export, server_in_this_process};

#[test]
fn requests_that_are_none_are_answered_and_hung_up_on() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let say = |packet: &[u8]| {
        let socket = server.connect();
        socket.send(&Raw(packet), &[]).unwrap();
        let reply = answer(&socket);
        assert!(answer(&socket).is_none(), "the server did not hang up");
        reply
    };
    for garbage in [
        &b"\xff\xff\xff\xff"[..],
        b"\x09",
        b"\x00\x05ab",
        &[0; MAX_PACKET + 1],
        b"\x02\x02extra",
    ] {
        assert!(
            matches!(say(garbage), Some(Reply::BadRequest(_))),
            "{:?}",
            &garbage[..2]
        );
    }
    let socket = server.connect();
    ask_for_export(&socket, 2, &[]);
    assert_eq!(answer(&socket), Some(Reply::NotExported(ExportFailure::NoMemory)));
    let socket = server.connect();
    ask_for_export(&socket, 9, &[]);
    assert_eq!(
        answer(&socket),
        Some(Reply::NotExported(ExportFailure::UnknownRelease { newest: 2 }))
    );
    assert!(server.is_alive());
}

#[test]
fn a_client_that_hangs_is_hung_up_on_and_holds_up_nobody() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let hanging = server.connect();
    let start = Instant::now();
    assert!(server.is_alive());
    assert!(start.elapsed() < Duration::from_secs(2), "others waited");
    assert!(answer(&hanging).is_none(), "the server waits for ever");
    assert!(start.elapsed() < Duration::from_secs(10));
}

/// It asks and asks, until nothing more goes into its socket, and takes no answer.
#[test]
fn a_client_that_never_reads_is_hung_up_on_and_holds_up_nobody() {
    let server = Server::with_items(&[("lamp", &[7; 4096])]);
    let before = server.descriptors();
    let deaf = server.connect();
    let mut packet = [0; 64];
    let request = postcard::to_slice(&Request::Get { key: "lamp".into() }, &mut packet).unwrap();
    let ask = || rustix::net::send(&deaf, request, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    let start = Instant::now();
    let mut asked = 0_u32;
    let mut blocked_since = None;
    let end = loop {
        match ask() {
            Ok(_) => {
                asked += 1;
                blocked_since = None;
            }
            // For a while: the server is not merely slow, it waits for its own answer to be taken.
            Err(Errno::AGAIN) => {
                let since = *blocked_since.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_millis(500) {
                    let start = Instant::now();
                    assert!(server.is_alive());
                    assert!(start.elapsed() < Duration::from_secs(1), "others waited");
                }
                thread::sleep(Duration::from_millis(10));
            }
            Err(errno) => break errno,
        }
        assert!(start.elapsed() < Duration::from_secs(20), "the server waits for ever");
    };
    assert!(matches!(end, Errno::PIPE | Errno::CONNRESET), "{end}");
    assert!(
        asked > 10 && blocked_since.is_some(),
        "the socket was never full: {asked}"
    );
    // The server's end is gone, although this one is still there.
    server.forgets_all_but(before);
    drop(deaf);
}

#[test]
fn a_client_that_is_never_silent_gives_its_place_to_one_that_waits() {
    let (directory, _said) = server_in_this_process(ServerLimits {
        clients: 1,
        turn: Duration::from_millis(300),
        ..ServerLimits::default()
    });
    let path = directory.path().join("socket");
    let talker = Client::new(&path).unwrap();
    talker.get("nothing").unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                talker.get("nothing").unwrap();
            }
        });
        let start = Instant::now();
        let answer = Client::new(&path).unwrap().get("nothing");
        stop.store(true, Ordering::Relaxed);
        answer.unwrap();
        let waited = start.elapsed();
        assert!(waited < Duration::from_secs(10), "it waited for {waited:?}");
    });
}

#[test]
fn a_hundred_clients_at_once_each_get_their_export() {
    let server = Server::with_items(&[("lamp", &[7; 4096])]);
    let server = &server;
    thread::scope(|scope| {
        for i in 0..100 {
            scope.spawn(move || {
                let client = server.client();
                client.write_item(Item::new(&format!("client{i}"), b"here")).unwrap();
                let sealed = client
                    .export(Memory::allocated(1 << 20).unwrap(), Release::LATEST)
                    .unwrap();
                let export = sealed.to_vec().unwrap();
                let mut found = false;
                let own = format!("client{i}");
                Exportable::load(&export)
                    .unwrap()
                    .visit(&mut |item| found |= item.key == own)
                    .unwrap();
                assert!(found, "client {i} does not find its own item");
            });
        }
    });
}

#[test]
fn a_hundred_clients_that_hang_at_once_hold_up_nobody() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let hanging: Vec<_> = (0..100).map(|_| server.connect()).collect();
    let start = Instant::now();
    let sealed = server
        .client()
        .export(Memory::allocated(4096).unwrap(), Release::LATEST);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "it waited for {:?}",
        start.elapsed()
    );
    sealed.unwrap();
    for socket in &hanging {
        assert!(answer(socket).is_none(), "the server waits for ever");
    }
}

#[test]
fn nothing_of_a_client_stays_in_the_server() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let before = server.descriptors();
    for _ in 0..20 {
        let memory = Memory::allocated(4096).unwrap();
        let one = [memory.as_fd()];
        // It does not wait for its answer.
        ask_for_export(&server.connect(), 2, &one);
        // Descriptors with a request that wants none, with garbage, and far too many of them.
        for packet in [&b"\x01\x04lamp"[..], b"\xff\xff\xff\xff"] {
            server.connect().send(&Raw(packet), &one).unwrap();
        }
        ask_for_export(&server.connect(), 2, &[memory.as_fd(); 8]);
        let too_long = [0; MAX_PACKET + 1];
        server.connect().send(&Raw(&too_long), &[memory.as_fd(); 8]).unwrap();
    }
    server.forgets_all_but(before);
    assert!(server.is_alive());
}
