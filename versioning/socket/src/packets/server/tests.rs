//! Clients that send anything, say nothing, never stop, or are many; and an answer that takes for ever.

use std::fs::{Permissions, set_permissions};
use std::io::{PipeReader, Read, pipe};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::process::Uid;
use rustix::thread::set_thread_uid;
use serde::Deserialize;
use tempfile::TempDir;

use super::*;

mod descriptors;

const LEN: usize = 4096;
/// A client that can send more than the server takes.
type Socket = PacketSocket<{ 2 * LEN }>;
/// Long enough for anything that does not wait for a hostile client.
const SOON: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Request {
    /// Answered with as many bytes.
    Bytes(u16),
    /// Answered with how often this client has asked that before.
    Count,
    /// Answered when nobody holds the lock any more.
    Wait,
    /// Answered with the descriptor that came with it.
    Back,
    /// Never answered.
    Panic,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Answer {
    Bytes(Vec<u8>),
    Count(u32),
    Done,
    No(String),
}

/// Held by a test that lets answers wait.
static HELD: Mutex<()> = Mutex::new(());

fn held() -> MutexGuard<'static, ()> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Test;

impl Service for Test {
    type Request = Request;
    type Answer = Answer;
    type Client = u32;

    fn answer(&self, count: &mut u32, request: Request, descriptors: &[OwnedFd]) -> (Answer, Option<OwnedFd>) {
        match request {
            Request::Bytes(len) => (Answer::Bytes(vec![7; len.into()]), None),
            Request::Count => {
                *count += 1;
                (Answer::Count(*count - 1), None)
            }
            Request::Wait => {
                drop(held());
                (Answer::Done, None)
            }
            Request::Back => {
                let first = descriptors.first().map(|first| first.try_clone().unwrap());
                (Answer::Done, first)
            }
            Request::Panic => panic!("as the client wishes"),
        }
    }

    fn refuse(&self, error: &PacketError) -> Answer {
        Answer::No(error.to_string())
    }
}

/// A server that runs until the tests end.
struct Serving {
    directory: TempDir,
    reports: Receiver<Report>,
}

impl Serving {
    fn new(limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = Listener::seqpacket(&directory.path().join("socket")).unwrap();
        let (sender, reports) = mpsc::channel();
        thread::spawn(move || Server::<LEN>::new(listener, limits).run(&Test, &|report| drop(sender.send(report))));
        Self { directory, reports }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn connect(&self) -> Socket {
        Socket::connect(&self.path(), 2 * SOON).unwrap()
    }

    /// Whether a new client is answered, and soon.
    fn is_alive(&self) -> bool {
        let start = Instant::now();
        let answer = self.connect().ask::<_, Answer>(&Request::Bytes(1), &[]);
        matches!(answer, Ok((Answer::Bytes(_), _))) && start.elapsed() < SOON
    }
}

fn limits() -> Limits {
    Limits::DEFAULT.with_patience(PATIENCE)
}

/// The server's next packet; `None` where it hung up.
fn answer(socket: &Socket) -> Option<Answer> {
    match socket.receive().message {
        Ok(answer) => Some(answer),
        Err(PacketError::Closed | PacketError::Unread) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Waits until nobody has the other end open any more.
fn is_closed(mut reader: PipeReader) -> bool {
    let (said, heard) = mpsc::channel();
    thread::spawn(move || said.send(reader.read(&mut [0])));
    matches!(heard.recv_timeout(SOON), Ok(Ok(0)))
}

#[test]
fn a_client_is_remembered_as_long_as_it_is_connected() {
    let server = Serving::new(limits());
    for _ in 0..2 {
        let client = server.connect();
        for count in 0..3 {
            assert_eq!(
                client.ask::<_, Answer>(&Request::Count, &[]).unwrap().0,
                Answer::Count(count)
            );
        }
    }
    let (reader, writer) = pipe().unwrap();
    let client = server.connect();
    let (done, descriptors) = client.ask::<_, Answer>(&Request::Back, &[writer.as_fd()]).unwrap();
    drop(writer);
    assert_eq!((done, descriptors.len()), (Answer::Done, 1));
    drop(descriptors);
    assert!(is_closed(reader), "the server keeps what it sent");
}

#[test]
fn what_is_no_request_is_answered_and_hung_up_on() {
    let server = Serving::new(limits());
    let refusal = |client: Socket| {
        let refusal = answer(&client);
        assert!(answer(&client).is_none(), "the server did not hang up");
        refusal
    };
    let client = server.connect();
    client.send(&[0xff_u8; 4], &[]).unwrap();
    assert_eq!(refusal(client), Some(Answer::No("a packet that says nothing".into())));
    let client = server.connect();
    client.send(&Answer::Bytes(vec![0; LEN]), &[]).unwrap();
    assert_eq!(
        refusal(client),
        Some(Answer::No("a packet of more than 4096 bytes arrived".into()))
    );
    assert!(server.is_alive());
}

#[test]
fn an_answer_that_cannot_be_sent_is_told() {
    let client = Serving::new(limits()).connect();
    let (told, _) = client.ask::<_, Answer>(&Request::Bytes(LEN as u16), &[]).unwrap();
    assert_eq!(
        told,
        Answer::No("a message of more than 4096 bytes cannot be sent".into())
    );
    assert!(answer(&client).is_none(), "the server did not hang up");
}

#[test]
fn a_service_that_panics_costs_no_thread() {
    let server = Serving::new(limits().with_clients(1));
    let (reader, writer) = pipe().unwrap();
    for _ in 0..3 {
        let client = server.connect();
        client.send(&Request::Panic, &[writer.as_fd()]).unwrap();
        assert!(answer(&client).is_none());
        assert!(server.is_alive());
    }
    drop(writer);
    assert!(is_closed(reader));
}

#[test]
fn a_turn_of_no_time_is_one_request_and_a_patience_of_none_is_refused() {
    let server = Serving::new(limits().with_clients(1).with_turn(Duration::ZERO));
    let ask = |path| {
        let client = Socket::connect(path, SOON).unwrap();
        client.ask::<_, Answer>(&Request::Bytes(1), &[]).unwrap();
    };
    let path = server.path();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| ask(&path)));
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let listener = Listener::seqpacket(&directory.path().join("socket")).unwrap();
    let (said, heard) = mpsc::channel();
    let limits = limits().with_patience(Duration::ZERO);
    thread::spawn(move || said.send(Server::<LEN>::new(listener, limits).run(&Test, &|_| ())));
    let refusal = heard.recv_timeout(SOON).unwrap().unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::InvalidInput, "{refusal}");
}

#[test]
fn another_user_is_told_so_and_not_served() {
    const OTHER: u32 = 54_321;
    let server = Serving::new(limits());
    set_permissions(server.directory.path(), Permissions::from_mode(0o755)).unwrap();
    set_permissions(server.path(), Permissions::from_mode(0o777)).unwrap();
    let path = server.path();
    // Of this thread alone.
    let other = thread::spawn(move || {
        set_thread_uid(Uid::from_raw(OTHER)).ok()?;
        let client = Socket::connect(&path, SOON).unwrap();
        Some([answer(&client), answer(&client)])
    });
    match other.join().unwrap() {
        Some([Some(Answer::No(refusal)), None]) => assert!(refusal.contains("54321"), "{refusal}"),
        Some(other) => panic!("{other:?}"),
        None => println!("skipped: only root can become another user"),
    }
    assert!(server.is_alive());
}

#[test]
fn clients_that_say_nothing_are_hung_up_on_and_hold_up_nobody() {
    const PATIENCE: Duration = Limits::DEFAULT.patience;
    let server = Serving::new(Limits::DEFAULT);
    let start = Instant::now();
    let hanging: Vec<_> = (0..100).map(|_| server.connect()).collect();
    assert!(server.is_alive());
    assert!(start.elapsed() < PATIENCE, "others waited");
    for client in &hanging {
        assert!(answer(client).is_none(), "the server waits for ever");
    }
    let waited = start.elapsed();
    assert!((PATIENCE..PATIENCE + SOON).contains(&waited), "{waited:?}");
}

/// It asks and asks, until nothing more goes into its socket, and takes no answer.
#[test]
fn a_client_that_never_reads_is_hung_up_on_and_holds_up_nobody() {
    let server = Serving::new(limits());
    let (reader, writer) = pipe().unwrap();
    let deaf = server.connect();
    deaf.send(&Request::Bytes(1), &[writer.as_fd()]).unwrap();
    drop(writer);
    let mut packet = [0; 8];
    let request = postcard::to_slice(&Request::Bytes(4000), &mut packet).unwrap();
    let start = Instant::now();
    let (mut asked, mut was_full) = (0_u32, false);
    let end = loop {
        match rustix::net::send(&deaf, request, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(_) => asked += 1,
            Err(Errno::AGAIN) => {
                was_full = true;
                assert!(server.is_alive());
                thread::sleep(Duration::from_millis(10));
            }
            Err(errno) => break errno,
        }
        assert!(start.elapsed() < 2 * SOON, "the server waits for ever");
    };
    assert!(matches!(end, Errno::PIPE | Errno::CONNRESET), "{end}");
    assert!(asked > 10 && was_full, "the socket was never full: {asked}");
    assert!(is_closed(reader), "a descriptor stays");
}

#[test]
fn a_client_that_is_never_silent_gives_its_place_to_one_that_waits() {
    let server = Serving::new(limits().with_clients(1).with_turn(Duration::from_millis(300)));
    let talker = server.connect();
    let ask = |client: &Socket| client.ask::<_, Answer>(&Request::Bytes(1), &[]);
    ask(&talker).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let talks = scope.spawn(|| {
            loop {
                // A client that still has its place after the other one was answered gets one more answer.
                let is_last = stop.load(Ordering::Relaxed);
                match ask(&talker) {
                    Ok(_) if is_last => return false,
                    Ok(_) => {}
                    Err(_) => return true,
                }
            }
        });
        let start = Instant::now();
        let answer = ask(&server.connect());
        stop.store(true, Ordering::Relaxed);
        answer.unwrap();
        assert!(start.elapsed() < SOON, "it waited for {:?}", start.elapsed());
        assert!(talks.join().unwrap(), "it has lost its place");
    });
    // Nobody else waits, so it keeps its place.
    let talker = server.connect();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(600) {
        ask(&talker).unwrap();
    }
}

#[test]
fn an_answer_that_takes_for_ever_costs_one_thread() {
    let server = Serving::new(limits().with_clients(3));
    let lock = held();
    let waiting = [server.connect(), server.connect()];
    for client in &waiting {
        client.send(&Request::Wait, &[]).unwrap();
    }
    thread::sleep(Duration::from_millis(100));
    for _ in 0..3 {
        assert!(server.is_alive());
    }
    drop(lock);
    for client in &waiting {
        assert_eq!(answer(client), Some(Answer::Done));
    }
}
