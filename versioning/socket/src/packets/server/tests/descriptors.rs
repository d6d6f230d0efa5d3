//! Descriptors that clients send: all are closed, and some take for ever to close.

use std::net::TcpListener;

use super::*;
use crate::packets::MAX_DESCRIPTORS;
use crate::packets::closer::tests::lingering;

#[test]
fn nothing_that_a_client_sends_stays() {
    let server = Serving::new(limits());
    let (reader, writer) = pipe().unwrap();
    for _ in 0..20 {
        // It does not wait for its answer.
        server.connect().send(&Request::Back, &[writer.as_fd()]).unwrap();
        // Descriptors with a request that wants none, with garbage, and far too many of them.
        server.connect().send(&Request::Count, &[writer.as_fd()]).unwrap();
        server.connect().send(&[0xff_u8; 4], &[writer.as_fd()]).unwrap();
        server.connect().send(&Request::Back, &[writer.as_fd(); 8]).unwrap();
        let too_long = Answer::Bytes(vec![0; LEN]);
        server.connect().send(&too_long, &[writer.as_fd(); 253]).unwrap();
    }
    drop(writer);
    assert!(is_closed(reader));
    assert!(server.is_alive());
}

/// Its descriptors take for ever to close, and it sends more and more of them.
#[test]
fn a_server_without_room_for_descriptors_answers_and_opens_no_more() {
    const CLIENTS: usize = 2;
    let server = Serving::new(limits().with_clients(CLIENTS).with_closers(1).with_descriptors(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peers = Vec::new();
    // One hangs, and one waits behind it.
    for _ in 0..2 {
        let (descriptor, peer) = lingering(&listener);
        let client = server.connect();
        // The server's descriptor has to be the last one.
        let lock = held();
        client.send(&Request::Wait, &[descriptor.as_fd()]).unwrap();
        drop(descriptor);
        drop(lock);
        assert_eq!(answer(&client), Some(Answer::Done));
        peers.push(peer);
    }
    let refusal = Answer::No("no room for the descriptors of a packet: at most 253 may be open".into());
    for _ in 0..20 {
        let (descriptor, peer) = lingering(&listener);
        let client = server.connect();
        let many = [descriptor.as_fd(); MAX_DESCRIPTORS];
        client.send(&Request::Count, &many).unwrap();
        drop(descriptor);
        assert_eq!(answer(&client).as_ref(), Some(&refusal));
        peers.push(peer);
        assert!(server.is_alive());
    }
    // The connections wait, and nothing that came over them.
    let start = Instant::now();
    loop {
        match server.reports.recv_timeout(SOON).unwrap() {
            Report::Waiting { descriptors: 21 } => break,
            Report::Waiting { descriptors: ..21 } => assert!(start.elapsed() < SOON, "too few wait"),
            report => panic!("{report:?}"),
        }
    }
    // Nobody lingers any more.
    drop(peers);
    let (reader, writer) = pipe().unwrap();
    let start = Instant::now();
    while server
        .connect()
        .ask::<_, Answer>(&Request::Back, &[writer.as_fd()])
        .unwrap()
        .0
        != Answer::Done
    {
        assert!(start.elapsed() < SOON, "descriptors are still refused");
    }
    drop(writer);
    assert!(is_closed(reader));
}

#[test]
fn descriptors_whose_closing_waits_cost_no_worker_and_are_reported() {
    const CLIENTS: usize = 2;
    let server = Serving::new(limits().with_clients(CLIENTS).with_closers(3));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut kept = Vec::new();
    // Where all workers wait, so that the server's descriptors are the last ones.
    let lock = held();
    let busy: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &busy {
        client.send(&Request::Wait, &[]).unwrap();
    }
    for index in 0..20 {
        let client = server.connect();
        // With a request, with one that wants it back, with garbage, and with one whose answer finds nobody, so that the next is
        // never read.
        for _ in 0..if index % 4 == 3 { 2 } else { 1 } {
            let (descriptor, peer) = lingering(&listener);
            let one = [descriptor.as_fd()];
            match index % 4 {
                1 => client.send(&Request::Back, &one).unwrap(),
                2 => client.send(&[0xff_u8; 4], &one).unwrap(),
                _ => client.send(&Request::Count, &one).unwrap(),
            }
            kept.push(peer);
        }
    }
    drop((lock, busy));
    for _ in 0..5 {
        assert!(server.is_alive());
    }
    let start = Instant::now();
    while !matches!(
        server.reports.recv_timeout(SOON),
        Ok(Report::Waiting { descriptors: 10.. })
    ) {
        assert!(start.elapsed() < SOON, "nothing is reported");
    }
}
