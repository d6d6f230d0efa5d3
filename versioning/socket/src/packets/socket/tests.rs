//! Both sides in one process; sides that send what no `PacketSocket` sends; and a process with few descriptors.

use std::env;
use std::fs::{File, Permissions, set_permissions};
use std::io::{Read, pipe};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use rustix::io::{FdFlags, fcntl_getfd};
use rustix::net::{bind, listen, socketpair};
use rustix::process::{Resource, Rlimit, Uid, setrlimit};
use rustix::thread::set_thread_uid;
use serde::Deserialize;

use super::*;
use crate::{ListenReason, Listener};

mod peeking;

const LEN: usize = 64;
type Socket = PacketSocket<LEN>;
const SOON: Duration = Duration::from_secs(5);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Message {
    Number(u32),
    Text(String),
}

/// Two sockets that are connected.
fn pair() -> (Socket, Socket) {
    let flags = SocketFlags::CLOEXEC;
    let (here, there) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    let (here, there) = (Socket::from(here), Socket::from(there));
    here.set_patience(SOON).unwrap();
    (here, there)
}

/// A packet of any bytes, with descriptors.
fn send_raw(socket: &Socket, packet: &[u8], descriptors: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(descriptors.is_empty() || ancillary.push(SendAncillaryMessage::ScmRights(descriptors)));
    sendmsg(socket, &[IoSlice::new(packet)], &mut ancillary, SendFlags::empty()).unwrap();
}

#[test]
fn messages_arrive_in_order_with_their_own_descriptors() {
    let (here, there) = pair();
    let (reader, writer) = pipe().unwrap();
    here.send(&Message::Number(7), &[writer.as_fd()]).unwrap();
    here.send(&Message::Text("last".into()), &[]).unwrap();
    drop(writer);
    let first: Received<Message> = there.receive();
    assert_eq!(first.message.unwrap(), Message::Number(7));
    let [writer] = <[OwnedFd; 1]>::try_from(first.descriptors).unwrap();
    assert!(
        fcntl_getfd(&writer).unwrap().contains(FdFlags::CLOEXEC),
        "a program that this process starts would get it"
    );
    rustix::io::write(writer, b"through it").unwrap();
    let mut said = String::new();
    File::from(OwnedFd::from(reader)).read_to_string(&mut said).unwrap();
    assert_eq!(said, "through it", "and it was the only one");
    let last = there.receive::<Message>();
    assert_eq!(last.message.unwrap(), Message::Text("last".into()));
    assert!(last.descriptors.is_empty());
}

#[test]
fn the_longest_packet_arrives_and_a_longer_one_is_refused_on_both_sides() {
    let (here, there) = pair();
    // Behind a variant and a length of one byte each.
    let longest = Message::Text("x".repeat(LEN - 2));
    here.send(&longest, &[]).unwrap();
    assert_eq!(there.receive::<Message>().message.unwrap(), longest);
    let refusal = here.send(&Message::Text("x".repeat(LEN - 1)), &[]).unwrap_err();
    assert!(
        matches!(refusal, PacketError::MessageTooLong { limit: LEN }),
        "{refusal}"
    );

    let (_, descriptor) = pipe().unwrap();
    send_raw(&here, &[0; LEN + 1], &[descriptor.as_fd()]);
    let received = there.receive::<Message>();
    assert!(
        matches!(received.message, Err(PacketError::PacketTooLong { limit: LEN })),
        "{received:?}"
    );
    assert_eq!(received.descriptors.len(), 1, "the caller closes it");
    here.send(&Message::Number(7), &[]).unwrap();
    assert_eq!(
        there.receive::<Message>().message.unwrap(),
        Message::Number(7),
        "the next one is whole"
    );
}

#[test]
fn a_request_that_is_too_long_is_told_from_an_answer_that_is() {
    let (here, there) = pair();
    let ask = |text: &str| here.ask::<_, Message>(&Message::Text(text.into()), &[]).unwrap_err();
    let refusal = ask(&"x".repeat(LEN));
    assert!(
        matches!(refusal, PacketError::MessageTooLong { limit: LEN }),
        "{refusal}"
    );
    send_raw(&there, &[0; LEN + 1], &[]);
    let refusal = ask("short");
    assert!(
        matches!(refusal, PacketError::PacketTooLong { limit: LEN }),
        "{refusal}"
    );
    let requests = [there.receive::<Message>(), {
        drop(here);
        there.receive()
    }];
    let [only, end] = requests.map(|received| received.message);
    assert_eq!(
        only.unwrap(),
        Message::Text("short".into()),
        "the long one was not sent"
    );
    assert!(matches!(end, Err(PacketError::Closed)), "{end:?}");
}

#[test]
fn a_message_without_bytes_is_not_sent_as_the_end_of_the_connection() {
    let (here, there) = pair();
    let refusal = here.send(&(), &[]).unwrap_err();
    assert!(matches!(refusal, PacketError::Empty), "{refusal}");
    here.send(&Message::Number(7), &[]).unwrap();
    assert_eq!(there.receive::<Message>().message.unwrap(), Message::Number(7));
}

#[test]
fn a_packet_may_be_longer_than_the_stack_has_room_for() {
    let (here, there) = pair();
    let (here, there): (PacketSocket<{ 32 << 20 }>, PacketSocket<{ 32 << 20 }>) =
        (OwnedFd::from(here).into(), OwnedFd::from(there).into());
    here.send(&Message::Number(7), &[]).unwrap();
    assert_eq!(there.receive::<Message>().message.unwrap(), Message::Number(7));
}

#[test]
fn what_is_no_message_is_an_error_and_its_descriptors_are_the_callers() {
    let (here, there) = pair();
    let (_, descriptor) = pipe().unwrap();
    // An unknown variant, a text that ends too early, one that is not UTF-8, and a byte too many.
    for packet in [&b"\x09"[..], b"\x01\x05ab", b"\x01\x01\xff", b"\x00\x07!"] {
        send_raw(&here, packet, &[descriptor.as_fd(); 8]);
        let received = there.receive::<Message>();
        assert!(
            matches!(received.message, Err(PacketError::Garbage)),
            "{packet:?}: {received:?}"
        );
        assert_eq!(received.descriptors.len(), 8, "{packet:?}");
    }
    send_raw(&here, &[], &[descriptor.as_fd()]);
    let received = there.receive::<Message>();
    assert!(matches!(received.message, Err(PacketError::Closed)), "{received:?}");
    assert_eq!(received.descriptors.len(), 1);
}

#[test]
fn as_many_descriptors_as_linux_sends_arrive_and_one_more_is_refused() {
    let (here, there) = pair();
    let (reader, _) = pipe().unwrap();
    here.send(&Message::Number(7), &[reader.as_fd(); MAX_DESCRIPTORS])
        .unwrap();
    let received = there.receive::<Message>();
    received.message.unwrap();
    assert_eq!(received.descriptors.len(), MAX_DESCRIPTORS);
    let refusal = here.send(&Message::Number(7), &[reader.as_fd(); MAX_DESCRIPTORS + 1]);
    assert!(
        matches!(refusal, Err(PacketError::TooManyDescriptors { number: 254 })),
        "{refusal:?}"
    );
    here.send(&Message::Number(8), &[]).unwrap();
    assert_eq!(
        there.receive::<Message>().message.unwrap(),
        Message::Number(8),
        "nothing was sent in between"
    );
}

#[test]
fn a_message_without_an_encoding_is_not_sent() {
    /// A map whose length nobody knows, which postcard cannot write.
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serde::ser::SerializeMap::end(serializer.serialize_map(None)?)
        }
    }
    let (here, _there) = pair();
    let refusal = here.send(&Endless, &[]).unwrap_err();
    assert!(matches!(refusal, PacketError::Unserializable(_)), "{refusal}");
}

#[test]
fn a_side_that_is_silent_or_takes_nothing_is_waited_for_no_longer_than_patience() {
    let (here, _there) = pair();
    let patience = Duration::from_millis(100);
    here.set_patience(patience).unwrap();
    let start = Instant::now();
    assert!(matches!(here.receive::<Message>().message, Err(PacketError::Late)));
    let refusal = loop {
        if let Err(refusal) = here.send(&Message::Number(7), &[]) {
            break refusal;
        }
    };
    assert!(matches!(refusal, PacketError::Late), "{refusal}");
    assert!((2 * patience..SOON).contains(&start.elapsed()), "{:?}", start.elapsed());
    let error = here.set_patience(Duration::ZERO).unwrap_err();
    assert_eq!(error.to_string(), "a patience of zero waits for nothing");
    assert!(matches!(error, PacketError::System(_)), "it would have no end");
}

#[test]
fn a_side_that_hangs_up_is_told_from_one_that_has_not_read_the_request() {
    let ask = |client: &Socket| {
        client
            .ask::<_, Message>(&Message::Number(7), &[])
            .map(|(answer, _)| answer)
    };
    // Before the request.
    let (client, server) = pair();
    drop(server);
    assert!(matches!(ask(&client), Err(PacketError::Unread)));
    // With a last word before the request.
    let (client, server) = pair();
    server.send(&Message::Text("go away".into()), &[]).unwrap();
    drop(server);
    assert_eq!(ask(&client).unwrap(), Message::Text("go away".into()));
    // With the request in its queue, with and without a last word.
    for last in [true, false] {
        let (client, server) = pair();
        let hangs_up = thread::spawn(move || {
            while rustix::io::ioctl_fionread(&server).unwrap() == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            if last {
                server.send(&Message::Text("go away".into()), &[]).unwrap();
            }
        });
        match (ask(&client), last) {
            (Ok(Message::Text(text)), true) => assert_eq!(text, "go away"),
            (Err(PacketError::Unread), false) => {}
            other => panic!("{other:?}"),
        }
        hangs_up.join().unwrap();
    }
    // After it has read the request, which it may have carried out.
    let (client, server) = pair();
    let hangs_up = thread::spawn(move || server.receive::<Message>().message.unwrap());
    assert!(matches!(ask(&client), Err(PacketError::Closed)));
    hangs_up.join().unwrap();
}

#[test]
fn a_path_where_nobody_answers_is_named_and_one_that_is_busy_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("\x1b[2J");
    for path in [&path, &directory.path().join("x".repeat(200))] {
        let error = Socket::connect(path, SOON).unwrap_err();
        let said = error.to_string();
        assert!(
            matches!(error, PacketError::Connect { path: found, .. } if found == *path),
            "{said}"
        );
        assert!(
            said.starts_with("cannot connect to ") && !said.contains('\x1b'),
            "{said:?}"
        );
    }

    let busy = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    bind(&busy, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&busy, 0).unwrap();
    let mut waiting = Vec::new();
    let refusal = loop {
        assert!(waiting.len() < 100, "the queue has no end");
        match Socket::connect(&path, Duration::from_millis(50)) {
            Ok(client) => waiting.push(client),
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, PacketError::Late), "{refusal}");
    // Nor is its place taken.
    let (said, heard) = mpsc::channel();
    thread::spawn(move || said.send(Listener::seqpacket(&path).map(drop)));
    let refusal = heard.recv_timeout(SOON).unwrap().unwrap_err();
    assert!(
        matches!(&refusal.reason, ListenReason::System(error) if error.kind() == io::ErrorKind::AddrInUse),
        "{refusal}"
    );
}

#[test]
fn a_client_that_went_away_before_it_was_accepted_harms_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = Listener::seqpacket(&path).unwrap();
    drop(Socket::connect(&path, SOON).unwrap());
    let next = Socket::connect(&path, SOON).unwrap();
    next.send(&Message::Number(7), &[]).unwrap();
    let gone = Socket::accept(&listener).unwrap();
    assert!(matches!(gone.receive::<Message>().message, Err(PacketError::Closed)));
    let next = Socket::accept(&listener).unwrap();
    assert!(fcntl_getfd(&next).unwrap().contains(FdFlags::CLOEXEC));
    assert_eq!(next.receive::<Message>().message.unwrap(), Message::Number(7));
}

#[test]
fn a_server_of_another_user_is_told_nothing() {
    const OTHER: u32 = 54_321;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    set_permissions(directory.path(), Permissions::from_mode(0o1777)).unwrap();
    let other = thread::spawn({
        let path = path.clone();
        // Of this thread alone.
        move || set_thread_uid(Uid::from_raw(OTHER)).map(|()| Listener::seqpacket(&path).unwrap())
    });
    let Ok(listener) = other.join().unwrap() else {
        println!("skipped: only root can become another user");
        return;
    };
    let refusal = Socket::connect(&path, SOON).unwrap_err();
    assert!(
        matches!(refusal, PacketError::Peer(PeerError::Stranger { user: OTHER, .. })),
        "{refusal}"
    );
    let called = Socket::accept(&listener).unwrap();
    assert!(matches!(called.receive::<Message>().message, Err(PacketError::Closed)));
}

/// Runs again in a process of its own, whose limit harms no other test.
#[test]
fn descriptors_that_find_no_room_in_the_process_are_missed() {
    const AGAIN: &str = "DEVSTATE_SOCKET_FEW_DESCRIPTORS";
    if env::var_os(AGAIN).is_none() {
        let own = "packets::socket::tests::descriptors_that_find_no_room_in_the_process_are_missed";
        let mut again = Command::new(env::current_exe().unwrap());
        let output = again.args([own, "--exact"]).env(AGAIN, "").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let (here, there) = pair();
    here.send(&Message::Number(7), &[here.as_fd(); 8]).unwrap();
    let next = here.as_fd().try_clone_to_owned().unwrap();
    let current = Some(u64::try_from(std::os::fd::AsRawFd::as_raw_fd(&next)).unwrap() + 3);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current,
            maximum: current,
        },
    )
    .unwrap();
    let received = there.receive::<Message>();
    assert!(
        matches!(received.message, Err(PacketError::LostDescriptors)),
        "{received:?}"
    );
    assert_eq!(received.descriptors.len(), 2);
    here.send(&Message::Number(8), &[]).unwrap();
    assert_eq!(there.receive::<Message>().message.unwrap(), Message::Number(8));
}
