//! Callers and servers at the two ends of a pair of sockets.

use std::thread;
use std::time::Instant;

use serde::Deserialize;

use super::*;
use crate::Listener;
use crate::peer::tests::{STRANGER, as_a_stranger, with_a_stranger};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Request {
    pause: bool,
    save: Option<PathBuf>,
}

type Answer = Result<(), String>;

/// Serves one caller, who is answered with what went wrong.
fn serve_one(called: UnixStream, carry_out: impl FnOnce(Request)) -> Result<(), RequestError> {
    serve(called, Limits::default(), |request| -> Answer {
        request.map(carry_out).map_err(ToString::to_string)
    })
}

#[test]
fn a_caller_is_heard_out_and_answered() {
    let (mut there, here) = UnixStream::pair().unwrap();
    there.write_all(b"{\"pause\":true,\"save\":\"/saved\"}\n").unwrap();
    serve_one(here, |request| {
        let save = Some("/saved".into());
        assert_eq!(request, Request { pause: true, save });
    })
    .unwrap();
    let mut answer = String::new();
    there.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "{\"Ok\":null}\n");
}

#[test]
fn what_is_no_request_is_answered_with_the_reason() {
    for asked in [&b"{\"paws\":true}\n"[..], b"GET / HTTP/1.1\n", b"\n", b"\xff\n"] {
        let (mut there, here) = UnixStream::pair().unwrap();
        there.write_all(asked).unwrap();
        let error = serve_one(here, |_| unreachable!("there is no such request")).unwrap_err();
        assert!(matches!(error, RequestError::Json(_)), "{error}");
        let mut answer = Vec::new();
        there.read_to_end(&mut answer).unwrap();
        let answer: Answer = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer, Err(error.to_string()));
    }
}

#[test]
fn a_caller_that_reads_slowly_does_not_hold_up_the_server() {
    let (mut there, here) = UnixStream::pair().unwrap();
    there.write_all(b"1\n").unwrap();
    let limits = Limits {
        patience: Duration::from_millis(300),
        ..Limits::default()
    };
    let reads = thread::spawn(move || {
        while there.read(&mut vec![0; 64 << 10]).is_ok_and(|len| len > 0) {
            thread::sleep(limits.patience / 3);
        }
    });
    let start = Instant::now();
    let served = serve(here, limits, |_: Result<u32, _>| "a".repeat(16 << 20));
    assert!(matches!(served, Err(RequestError::Unread { .. })), "{served:?}");
    assert!(start.elapsed() < 5 * limits.patience, "{:?}", start.elapsed());
    reads.join().unwrap();
}

#[test]
fn nobody_holds_up_the_server() {
    let patience = Limits::default().patience;
    let start = Instant::now();
    let why = |called| serve_one(called, |_| unreachable!("nothing was asked")).unwrap_err();

    // Says nothing; a byte now and then; much, without an end.
    let (_silent, called) = UnixStream::pair().unwrap();
    assert!(matches!(why(called), RequestError::Late { .. }));
    let (mut slow, called) = UnixStream::pair().unwrap();
    let slow = thread::spawn(move || {
        while slow.write_all(b" ").is_ok() {
            thread::sleep(patience / 10);
        }
    });
    assert!(matches!(why(called), RequestError::Late { .. }));
    let (mut endless, called) = UnixStream::pair().unwrap();
    let endless = thread::spawn(move || while endless.write_all(&[b' '; 4096]).is_ok() {});
    assert!(why(called).to_string().contains("65536 bytes"));
    for caller in [slow, endless] {
        caller.join().unwrap();
    }
    let (gone, called) = UnixStream::pair().unwrap();
    drop(gone);
    assert!(matches!(why(called), RequestError::HungUp(_)));
    assert!(start.elapsed() < 4 * patience);
}

#[test]
fn a_request_of_another_user_is_answered_and_not_carried_out() {
    let Some((mut there, here)) = with_a_stranger() else {
        return;
    };
    there.write_all(b"{\"pause\":true}\n").unwrap();
    let error = serve_one(here, |_| unreachable!("it is carried out")).unwrap_err();
    assert!(
        matches!(error, RequestError::Peer(PeerError::Stranger { user: STRANGER, .. })),
        "{error}"
    );
    let mut answer = String::new();
    // The request was not read.
    let _ = there.read_to_string(&mut answer);
    assert!(answer.contains("user 65534"), "{answer}");
}

#[test]
fn nothing_is_asked_of_another_users_server() {
    use rustix::net::{bind, listen};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let server = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&server, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    if as_a_stranger(|| listen(&server, 1).unwrap()).is_none() {
        return;
    }
    let server = std::os::unix::net::UnixListener::from(server);
    let heard = thread::spawn(move || {
        let (mut caller, _) = server.accept().unwrap();
        caller.read(&mut [0; 64]).unwrap_or_default()
    });
    let error = ask::<_, u32>(&path, "a secret").unwrap_err();
    assert!(
        matches!(error, RequestError::Peer(PeerError::Stranger { user: STRANGER, .. })),
        "{error}"
    );
    assert_eq!(heard.join().unwrap(), 0, "something is sent");
}

/// Asks a server that answers with `bytes`, or without an end if there are none.
fn asked(bytes: &'static [u8]) -> Result<u32, RequestError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control");
    let listener = Listener::stream(&path).unwrap();
    let server = thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        BufReader::new(&caller).read_until(b'\n', &mut Vec::new()).unwrap();
        let _ = caller.write_all(bytes);
        while bytes.is_empty() && caller.write_all(&[b' '; 4096]).is_ok() {}
    });
    let answer = ask(&path, "a question");
    server.join().unwrap();
    answer
}

#[test]
fn an_answer_is_whole_or_an_error() {
    assert_eq!(asked(b"42\n").unwrap(), 42);
    assert!(matches!(asked(b"42"), Err(RequestError::HungUp(_))));
    assert!(matches!(asked(b"forty-two\n"), Err(RequestError::Json(_))));
    assert!(matches!(asked(b""), Err(RequestError::TooLong { limit: MAX_ANSWER })));
    let nobody = ask::<_, u32>(Path::new("missing/\x1b[2J"), "a question").unwrap_err();
    let said = nobody.to_string();
    assert!(said.starts_with("cannot connect to missing/\\u{1b}[2J: "), "{said}");
}

/// One that accepts no call, and one that accepts no request.
#[test]
fn a_server_that_does_nothing_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    let listener = std::os::unix::net::UnixListener::bind(&full).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _first = UnixStream::connect(&full).unwrap();
    let deaf = folder.path().join("deaf");
    let _deaf = Listener::stream(&deaf).unwrap();
    let (said, heard) = std::sync::mpsc::channel();
    for path in [full, deaf] {
        let said = said.clone();
        thread::spawn(move || said.send(ask::<_, u32>(&path, &"q".repeat(1 << 20)).is_err()));
    }
    for _ in 0..2 {
        assert_eq!(heard.recv_timeout(3 * PATIENCE), Ok(true));
    }
}

#[test]
fn a_request_has_as_many_bytes_as_the_limit_says_and_no_more() {
    for (len, fits) in [(8, true), (9, false), (3000, false)] {
        let (mut there, here) = UnixStream::pair().unwrap();
        there
            .write_all(format!("\"{}\"\n", "x".repeat(len - 2)).as_bytes())
            .unwrap();
        let limits = Limits {
            len: 8,
            ..Limits::default()
        };
        let served = serve(here, limits, |request: Result<String, _>| request.is_ok());
        assert_eq!(served.is_ok(), fits, "{len}: {served:?}");
        assert!(fits || matches!(served, Err(RequestError::TooLong { limit: 8 })));
    }
}

#[test]
fn a_silent_caller_costs_no_processor_time() {
    let (_silent, here) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let used = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap()
    };
    let before = used();
    let served = serve(here, Limits::default(), |_: Result<u32, _>| 0);
    assert!(matches!(served, Err(RequestError::Late { .. })));
    assert!(used().saturating_sub(before) < Limits::default().patience / 4);
}
