//! A room that is full, because nobody closes anything.

use std::io::{Read, pipe};
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::*;

type Socket = PacketSocket<64>;
const SOON: Duration = Duration::from_secs(5);

/// A connection, with the end of the server first.
fn connection() -> (Socket, Socket) {
    let flags = SocketFlags::CLOEXEC;
    let (here, there) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    let (here, there) = (Socket::from(here), Socket::from(there));
    for socket in [&here, &there] {
        socket.set_patience(SOON).unwrap();
    }
    (here, there)
}

/// A room for one packet and one connection, in which as many descriptors wait.
fn full(waiting: usize) -> Arc<Room> {
    let room = Room::new(0, 1);
    let (reader, _) = pipe().unwrap();
    room.closer
        .close((0..waiting).map(|_| reader.as_fd().try_clone_to_owned().unwrap()));
    Arc::new(room)
}

#[test]
fn descriptors_count_until_they_are_closed() {
    let room = full(0);
    let (server, client) = connection();
    let (reader, writer) = pipe().unwrap();
    client.send(&1_u8, &[writer.as_fd(); 3]).unwrap();
    client.send(&2_u8, &[]).unwrap();
    let mut lent = Lent::new(&room);
    assert_eq!(lent.receive::<u8, 64>(&server).unwrap(), 1);
    assert_eq!((*room.used(), room.closer.waiting()), (3, 0));
    lent.give_back();
    assert_eq!((*room.used(), room.closer.waiting()), (0, 3));
    assert_eq!(lent.receive::<u8, 64>(&server).unwrap(), 2);
    assert_eq!((*room.used(), room.closer.waiting()), (0, 3));
    // A service that panics drops them.
    client.send(&[0xff_u8; 8], &[]).unwrap();
    client.send(&3_u8, &[writer.as_fd()]).unwrap();
    lent.receive::<u8, 64>(&server).unwrap_err();
    let closed = room.clone();
    thread::spawn(move || closed.closer.run());
    while room.closer.waiting() > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(lent.receive::<u8, 64>(&server).unwrap(), 3);
    assert_eq!(*room.used(), 1);
    drop((lent, writer));
    assert_eq!(*room.used(), 0);
    let mut reader = reader;
    assert_eq!(reader.read(&mut [0]).unwrap(), 0, "a descriptor stays");
}

#[test]
fn without_room_only_requests_without_descriptors_are_received() {
    let room = full(1);
    let (server, client) = connection();
    let (_reader, writer) = pipe().unwrap();
    client.send(&1_u8, &[]).unwrap();
    client.send(&2_u8, &[writer.as_fd()]).unwrap();
    let mut lent = Lent::new(&room);
    assert_eq!(lent.receive::<u8, 64>(&server).unwrap(), 1);
    let refusal = lent.receive::<u8, 64>(&server).unwrap_err();
    assert!(matches!(refusal, PacketError::NoRoom { limit: 253 }), "{refusal}");
    assert!(lent.descriptors.is_empty() && *room.used() == 0);
    // It is still there.
    let closed = room.clone();
    thread::spawn(move || closed.closer.run());
    assert_eq!(lent.receive::<u8, 64>(&server).unwrap(), 2);
    assert_eq!(lent.descriptors.len(), 1);
}

#[test]
fn a_connection_that_has_descriptors_waits_for_room_and_another_one_is_closed_at_once() {
    let room = full(253);
    let (_reader, writer) = pipe().unwrap();
    let with_descriptor = || {
        let (server, client) = connection();
        client.send(&1_u8, &[writer.as_fd()]).unwrap();
        (server, client)
    };
    let (first, _first) = with_descriptor();
    room.hang_up(first);
    assert_eq!(room.closer.waiting(), 254);
    let (second, _second) = with_descriptor();
    let hang_up = |server| {
        let room = room.clone();
        thread::spawn(move || room.hang_up(server))
    };
    let waits = hang_up(second);
    let (server, client) = connection();
    hang_up(server);
    assert!(matches!(client.receive::<u8>().message, Err(PacketError::Closed)));
    thread::sleep(Duration::from_millis(100));
    assert!(!waits.is_finished() && room.closer.waiting() == 254);
    let closed = room.clone();
    thread::spawn(move || closed.closer.run());
    waits.join().unwrap();
}
