//! Whole exchanges, between threads and without a virtual machine.

use std::io::{self, PipeReader, Read, Write, pipe};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use devstate_versioning::{Options, ReleaseTable, Versioned, max_snapshot_len, release_table};

use super::destination::take_last_word;
use super::*;
use crate::PeerError;
use crate::TimedStream;
use crate::peer::tests::{STRANGER, as_a_stranger, with_a_stranger};

/// A machine without its memory.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x1a42_0425_9f74_cadd, open))]
struct MachineSer {
    number: u64,
    #[versioned(start = 2)]
    typed: u8,
}

release_table! {
    enum Release { V1 = 1 @ 0x1a42_0425_9f74_cadd, V2 = 2 @ open }
    MachineSer => [1, 2],
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
const MEMORY_LEN: usize = 1 << 20;
const NEWEST: Destination<Release, MachineSer> = Destination::new(Release::LATEST, LIMITS);
/// As the default, for tests that wait for the end of one.
const LIMITS: Limits = Limits {
    call: Duration::from_millis(500),
    answer: Duration::from_millis(200),
    exchange: Duration::from_secs(60),
};

/// Never readable, as long as its other end is there.
fn no_wake() -> (PipeReader, io::PipeWriter) {
    pipe().unwrap()
}

fn snapshot(number: u64, release: Release) -> Vec<u8> {
    let machine = MachineSer { number, typed: 0 };
    let (mut scratch, mut buffer) = (MachineSer::default(), [0; max_snapshot_len::<MachineSer>()]);
    let translated = release.downgrade(&machine, &mut scratch).unwrap();
    translated.save(&mut buffer).unwrap().to_vec()
}

/// All of the machine `number`.
fn write(number: u64, release: Release, stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(&snapshot(number, release))?;
    stream.write_all(&vec![number as u8; MEMORY_LEN])
}

/// The number of the machine that comes.
fn read(stream: &mut TimedStream<'_>) -> Result<u64, BoxError> {
    let (mut machine, mut buffer) = (MachineSer::default(), [0; max_snapshot_len::<MachineSer>()]);
    Release::load(Options::NATIVE.read_from(stream, &mut buffer)?, &mut machine)?;
    let mut memory = vec![0; MEMORY_LEN];
    Read::read_exact(stream, &mut memory)?;
    assert!(memory.iter().all(|byte| *byte == machine.number as u8));
    Ok(machine.number)
}

/// Takes what comes on a stream, in another thread.
fn taking(stream: UnixStream) -> JoinHandle<Result<u64, TakeError>> {
    thread::spawn(move || NEWEST.take(stream, no_wake().0.as_fd(), read))
}

fn agree(stream: UnixStream) -> Result<Agreed<Release>, CallError> {
    agree_on(stream, Release::V1, Release::LATEST)
}

fn agree_on(stream: UnixStream, oldest: Release, newest: Release) -> Result<Agreed<Release>, CallError> {
    let call = Call::<_, MachineSer>::new(Path::new("here"), oldest..=newest, LIMITS);
    let mut call = call.over(stream)?;
    loop {
        if let Some(agreed) = call.poll()? {
            return Ok(agreed);
        }
        sleep(Duration::from_millis(1));
    }
}

fn send(stream: UnixStream, number: u64) -> Result<(), CallError> {
    let agreed = agree(stream)?;
    let release = agreed.release();
    let (wake, _stop) = no_wake();
    agreed.send(wake.as_fd(), |stream| write(number, release, stream))
}

/// What a destination says first.
fn greeting(newest: Release) -> Vec<u8> {
    let mut bytes = Vec::new();
    let destination = Destination::<_, MachineSer>::new(newest, LIMITS);
    destination.greet(&mut bytes, [1; 16]).unwrap();
    bytes
}

/// What comes of a call to one that says this, a byte at a time.
fn agreed(greeting: &[u8], oldest: Release, newest: Release) -> Result<Release, CallError> {
    let (here, mut there) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            for byte in greeting.chunks(1) {
                there.write_all(byte)?;
                thread::yield_now();
            }
            there.shutdown(Shutdown::Write)?;
            there.read_to_end(&mut Vec::new())
        });
        // The call ends with this, for the destination's thread to end.
        agree_on(here, oldest, newest).map(|agreed| agreed.release())
    })
}

#[test]
fn the_newest_release_that_both_have_is_chosen() {
    let (new, old) = (greeting(Release::V2), greeting(Release::V1));
    for (theirs, oldest, newest, expected) in [
        (&new, Release::V1, Release::V2, Release::V2),
        (&new, Release::V1, Release::V1, Release::V1),
        (&old, Release::V1, Release::V2, Release::V1),
    ] {
        assert_eq!(agreed(theirs, oldest, newest).unwrap(), expected, "{newest:?}");
    }
}

#[test]
fn without_a_common_release_the_guest_stays() {
    let (new, old) = (greeting(Release::V2), greeting(Release::V1));
    for (theirs, oldest, newest, reason) in [
        (&old[..], Release::V2, Release::V2, "no common release"),
        (&new[..], Release::V2, Release::V1, "no common release"),
        (b"GET / HTTP/1.1", Release::V1, Release::V2, "this is not an offer"),
    ] {
        let error = agreed(theirs, oldest, newest).unwrap_err();
        assert!(matches!(error, CallError::Negotiation(_)), "{error}");
        assert!(error.to_string().starts_with(reason), "{error}");
    }
    for len in 0..new.len() {
        let error = agreed(&new[..len], Release::V1, Release::V2).unwrap_err();
        assert!(matches!(error, CallError::NoAnswer(_)), "{len}: {error}");
    }
}

#[test]
fn a_machine_is_taken_over_whole() {
    let (here, there) = UnixStream::pair().unwrap();
    let taken = taking(there);
    send(here, 42).unwrap();
    assert_eq!(taken.join().unwrap().unwrap(), 42);
}

/// The destination creates everything that can fail before it reports success to the source.
#[test]
fn the_source_keeps_a_machine_that_the_destination_cannot_run() {
    let (here, there) = UnixStream::pair().unwrap();
    let taken = thread::spawn(move || {
        NEWEST.take(there, no_wake().0.as_fd(), |stream| {
            read(stream)?;
            // Long enough for a source that does not wait.
            sleep(Duration::from_millis(50));
            Err::<(), BoxError>("no thread left".into())
        })
    });
    let refusal = send(here, 1).unwrap_err();
    assert!(matches!(refusal, CallError::GaveUp(_)), "{refusal}");
    assert_eq!(taken.join().unwrap().unwrap_err().to_string(), "no thread left");
}

/// The source's own memory, or disk, may fail.
#[test]
fn a_machine_that_cannot_be_written_stays() {
    let (here, there) = UnixStream::pair().unwrap();
    let taken = taking(there);
    let (wake, _stop) = no_wake();
    let refusal = agree(here).unwrap().send(wake.as_fd(), |stream| {
        stream.write_all(&snapshot(1, Release::LATEST))?;
        Err::<(), io::Error>(io::Error::other("unreadable memory"))
    });
    let refusal = refusal.unwrap_err();
    assert!(matches!(refusal, CallError::Machine(_)), "{refusal}");
    assert!(refusal.to_string().ends_with("unreadable memory"), "{refusal}");
    assert!(matches!(taken.join().unwrap(), Err(TakeError::Machine(_))));
}

#[test]
fn either_side_stops_when_it_is_told_to() {
    let (here, there) = UnixStream::pair().unwrap();
    let (wake, stop) = no_wake();
    drop(stop);
    let taken = taking(there);
    let refusal = agree(here)
        .unwrap()
        .send(wake.as_fd(), |stream| write(1, Release::LATEST, stream));
    assert!(matches!(refusal, Err(CallError::Stopped)), "{refusal:?}");
    assert!(matches!(taken.join().unwrap(), Err(TakeError::Machine(_))));

    let (_here, there) = UnixStream::pair().unwrap();
    let start = Instant::now();
    let refusal = NEWEST.take(there, wake.as_fd(), read);
    assert!(matches!(refusal, Err(TakeError::Stopped)) && start.elapsed() < LIMITS.answer);
}

/// This process can be told to stop at any point of the exchange. Its error then does not blame the other side.
#[test]
fn a_stop_is_no_failure_of_the_other_side() {
    // The source waits for "complete".
    let (here, mut there) = UnixStream::pair().unwrap();
    there.write_all(&greeting(Release::LATEST)).unwrap();
    let agreed = agree(here).unwrap();
    let (wake, stop) = no_wake();
    let reader = thread::spawn(move || {
        let mut machine = vec![0; 24 + snapshot(1, Release::LATEST).len() + MEMORY_LEN];
        there.read_exact(&mut machine).unwrap();
        drop(stop);
        there.read_to_end(&mut Vec::new()).unwrap()
    });
    let sent = agreed.send(wake.as_fd(), |stream| write(1, Release::LATEST, stream));
    assert!(matches!(sent, Err(CallError::Stopped)), "{sent:?}");
    assert_eq!(reader.join().unwrap(), 0, "it has said the last word");

    // The destination waits for the last word. What `receive` made of the stop does not matter.
    for swallow in [false, true] {
        let (here, there) = UnixStream::pair().unwrap();
        let (wake, stop) = no_wake();
        let taken = thread::spawn(move || {
            NEWEST.take(there, wake.as_fd(), |stream| {
                let number = read(stream)?;
                drop(stop);
                if swallow {
                    Read::read(stream, &mut [0]).map_err(|_| "no machine")?;
                }
                Ok::<_, BoxError>(number)
            })
        });
        let sent = send(here, 1);
        let taken = taken.join().unwrap();
        assert!(matches!(taken, Err(TakeError::Stopped)), "{taken:?}");
        assert_eq!(taken.unwrap_err().to_string(), "this process was told to stop");
        assert!(matches!(sent, Err(CallError::GaveUp(_))), "{sent:?}");
    }
}

/// Plays a destination. Returns all that a source says to it.
fn record(number: u64) -> Vec<u8> {
    let (here, mut there) = UnixStream::pair().unwrap();
    let source = thread::spawn(move || send(here, number));
    there.write_all(&greeting(Release::LATEST)).unwrap();
    let len = 24 + snapshot(number, Release::LATEST).len() + MEMORY_LEN;
    let mut recorded = vec![0; len];
    there.read_exact(&mut recorded).unwrap();
    there.write_all(b"C").unwrap();
    there.read_to_end(&mut recorded).unwrap();
    source.join().unwrap().unwrap();
    recorded
}

/// Builds of every age understand each other.
#[test]
fn the_bytes_of_an_exchange_are_those_of_every_release() {
    let fingerprints = Release::ALL
        .iter()
        .map(|release| release.fingerprint::<MachineSer>().unwrap());
    let [v1, v2] = fingerprints.collect::<Vec<_>>()[..] else {
        unreachable!("there are two releases")
    };
    let mut expected = b"DEVOFFR".to_vec();
    expected.extend([devstate_versioning::Architecture::NATIVE.code(), 2, 0, 1, 0]);
    expected.extend(v1.to_le_bytes());
    expected.extend([2, 0]);
    expected.extend(v2.to_le_bytes());
    expected.extend([1; 16]);
    assert_eq!(greeting(Release::LATEST), expected);

    let mut expected = b"DVMMTAKE".to_vec();
    expected.extend([1; 16]);
    expected.extend(snapshot(42, Release::LATEST));
    expected.resize(expected.len() + MEMORY_LEN, 42);
    expected.extend(b"DVMMYOUR");
    expected.extend([1; 16]);
    assert!(
        record(42) == expected,
        "a source says something else than it always did"
    );
}

#[test]
fn a_recorded_exchange_makes_no_second_machine() {
    let recorded = record(42);
    let (mut again, there) = UnixStream::pair().unwrap();
    let taken = taking(there);
    let _ = again.write_all(&recorded);
    let refusal = taken.join().unwrap().unwrap_err();
    assert!(matches!(refusal, TakeError::Recorded), "{refusal}");
}

#[test]
fn a_call_that_brings_no_machine_says_why() {
    let said = |bytes: &[u8]| {
        let (mut caller, there) = UnixStream::pair().unwrap();
        let taken = taking(there);
        caller.write_all(bytes).unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        taken.join().unwrap().unwrap_err()
    };
    assert!(matches!(said(b""), TakeError::NoMachine(_)));
    let foreign = said(b"GET /\x1b[2J HTTP/1.1\r\nHost: example");
    assert!(matches!(foreign, TakeError::Foreign { found } if found == *b"GET /\x1b[2"));
    assert!(!foreign.to_string().contains('\x1b'), "{foreign}");
    // Silent, and connected.
    let (_silent, there) = UnixStream::pair().unwrap();
    let start = Instant::now();
    assert!(matches!(taking(there).join().unwrap(), Err(TakeError::NoMachine(_))));
    assert!(start.elapsed() >= LIMITS.answer);
}

#[test]
fn a_destination_that_says_anything_else_has_no_machine() {
    let (here, mut there) = UnixStream::pair().unwrap();
    let source = thread::spawn(move || send(here, 1));
    there.write_all(&greeting(Release::LATEST)).unwrap();
    there.write_all(b"x").unwrap();
    thread::spawn(move || there.read_to_end(&mut Vec::new()));
    let refusal = source.join().unwrap().unwrap_err();
    assert!(matches!(refusal, CallError::Incomplete { answer: b'x' }), "{refusal}");
}

#[test]
fn a_full_queue_and_a_silent_listener_are_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("move");
    let (listener, _queue) = full_queue(&socket);
    let mut call = Call::<_, MachineSer>::new(&socket, Release::V1..=Release::V2, LIMITS);
    let start = Instant::now();
    let refusal = loop {
        let before = Instant::now();
        let polled = call.poll();
        assert!(before.elapsed() < LIMITS.call, "a look blocks");
        match polled {
            Ok(None) => sleep(Duration::from_millis(20)),
            Ok(Some(_)) => unreachable!("agreed with nobody"),
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, CallError::Busy { .. }), "{refusal}");
    assert!((LIMITS.call..4 * LIMITS.call).contains(&start.elapsed()));
    drop(listener);

    let (silent, _there) = UnixStream::pair().unwrap();
    let refusal = agree(silent).map(drop).unwrap_err();
    assert!(
        refusal.to_string().ends_with("did not answer within 0.5 s"),
        "{refusal}"
    );
}

/// A listener that takes no calls, and the calls that wait for it.
fn full_queue(socket: &Path) -> (UnixListener, Vec<rustix::fd::OwnedFd>) {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, listen, socket_with};
    let listener = UnixListener::bind(socket).unwrap();
    listen(&listener, 1).unwrap();
    let mut waiting = Vec::new();
    loop {
        let call = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None).unwrap();
        match connect(&call, &SocketAddrUnix::new(socket).unwrap()) {
            Ok(()) => waiting.push(call),
            Err(rustix::io::Errno::AGAIN) => return (listener, waiting),
            Err(error) => unreachable!("cannot fill the queue: {error}"),
        }
    }
}

#[test]
fn a_process_does_not_call_itself_or_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control");
    let new = || Call::<_, MachineSer>::new(&socket, Release::V1..=Release::V2, LIMITS);
    let call = || new().poll();
    let nobody = call().map(drop).unwrap_err();
    assert!(matches!(nobody, CallError::Connect { .. }));
    let said = format!("cannot connect to {}: No such file or directory", socket.display());
    assert!(nobody.to_string().starts_with(&said), "{nobody}");
    let mut failed = new();
    assert!(failed.poll().is_err());
    let _listener = UnixListener::bind(&socket).unwrap();
    assert!(matches!(call(), Err(CallError::ThisProcess { path }) if path == socket));
    assert!(matches!(failed.poll(), Err(CallError::Ended)), "it called again");
}

#[test]
fn no_machine_moves_between_two_users() {
    let Some((here, mut there)) = with_a_stranger() else {
        return;
    };
    let refusal = NEWEST.take(here, no_wake().0.as_fd(), read).unwrap_err();
    assert!(
        matches!(refusal, TakeError::Peer(PeerError::Stranger { user: STRANGER, .. })),
        "{refusal}"
    );
    let mut said = Vec::new();
    there.read_to_end(&mut said).unwrap();
    assert!(said.is_empty(), "a stranger hears which releases are read");

    let Some((here, _there)) = with_a_stranger() else {
        return;
    };
    let refusal = agree(here).map(drop).unwrap_err();
    assert!(matches!(refusal, CallError::Peer(_)), "{refusal}");

    // It listens since it became another user.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("move");
    let listener = UnixListener::bind(&path).unwrap();
    as_a_stranger(|| rustix::net::listen(&listener, 1).unwrap());
    let mut call = Call::<_, MachineSer>::new(&path, Release::V1..=Release::V2, LIMITS);
    let refusal = call.poll().map(drop).unwrap_err();
    assert!(
        matches!(refusal, CallError::Peer(PeerError::Stranger { user: STRANGER, .. })),
        "{refusal}"
    );
}

/// Accepting the offer has a limit of its own.
#[test]
fn a_machine_may_take_longer_than_the_answer_to_the_offer() {
    let (here, there) = UnixStream::pair().unwrap();
    let taken = taking(there);
    let (wake, _stop) = no_wake();
    let sent = agree(here).unwrap().send(wake.as_fd(), |stream| {
        sleep(2 * LIMITS.answer);
        write(1, Release::LATEST, stream)
    });
    assert_eq!((sent.is_ok(), taken.join().unwrap().ok()), (true, Some(1)), "{sent:?}");
}

#[test]
fn a_call_that_has_succeeded_calls_nobody_else() {
    let (here, there) = UnixStream::pair().unwrap();
    let destination = taking(there);
    let call = Call::<_, MachineSer>::new(Path::new("here"), Release::V1..=Release::LATEST, LIMITS);
    let mut call = call.over(here).unwrap();
    let agreed = loop {
        if let Some(agreed) = call.poll().unwrap() {
            break agreed;
        }
    };
    assert!(matches!(call.poll(), Err(CallError::Ended)));
    drop(agreed);
    assert!(destination.join().unwrap().is_err());
}

/// A destination that gives up either hears the last word, or the source cannot say it.
#[test]
fn the_last_word_is_heard_or_cannot_be_said() {
    const NONCE: Nonce = [3; 16];
    let word = with_nonce(*YOURS, NONCE);
    let (wake, _stop) = no_wake();
    let timed = |stream, limit| TimedStream::new(stream, limit, wake.as_fd()).unwrap();

    let (here, mut there) = UnixStream::pair().unwrap();
    // It stays open: the source must not be able to write to it all the same.
    let mut given_up = timed(here, Duration::from_millis(50));
    take_last_word(&mut given_up, NONCE).unwrap_err();
    assert_eq!(there.write(&word).unwrap_err().kind(), io::ErrorKind::BrokenPipe);

    // The time is over, and the word came just before.
    let (here, mut there) = UnixStream::pair().unwrap();
    there.write_all(&word).unwrap();
    take_last_word(&mut timed(here, Duration::ZERO), NONCE).unwrap();

    let (here, mut there) = UnixStream::pair().unwrap();
    there.write_all(&with_nonce(*YOURS, [4; 16])).unwrap();
    take_last_word(&mut timed(here, Duration::from_secs(5)), NONCE).unwrap_err();
}

/// A source whose machine is longer than the destination knows.
#[test]
fn a_machine_with_more_bytes_than_are_read_stays() {
    #[derive(Debug)]
    struct Machine;
    impl Drop for Machine {
        fn drop(&mut self) {
            // As when a guest's memory is given back.
            sleep(Duration::from_millis(20));
        }
    }
    let (here, there) = UnixStream::pair().unwrap();
    let taken = thread::spawn(move || NEWEST.take(there, no_wake().0.as_fd(), |stream| read(stream).map(|_| Machine)));
    let (wake, _stop) = no_wake();
    let sent = agree(here).unwrap().send(wake.as_fd(), |stream| {
        write(1, Release::LATEST, stream)?;
        stream.write_all(b"?")
    });
    let taken = taken.join().unwrap();
    assert_eq!(
        sent.is_ok(),
        taken.is_ok(),
        "the guest runs nowhere: {sent:?} {taken:?}"
    );
}
