//! Servers that hang up, and one that answers late.

use std::thread;

use super::*;
use crate::Listener;

const PATIENCE: Duration = Duration::from_secs(1);
type Socket = PacketSocket<64>;

/// A client, and what its server does. The server does not keep a test that has failed.
fn with_server<T>(
    serve: impl FnOnce(Listener<OwnedFd>) + Send + 'static,
    ask: impl FnOnce(&dyn Fn(u32) -> Result<u32, PacketError>) -> T,
) -> T {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = Listener::seqpacket(&path).unwrap();
    let server = thread::spawn(move || serve(listener));
    let client: Client<64> = Client::connect(&path, PATIENCE).unwrap();
    let result = ask(&|number| client.ask(&number, &[]).map(|(answer, _)| answer));
    server.join().unwrap();
    result
}

/// Answers one request with its double, if anybody still waits for it.
fn answer(client: &Socket) {
    let request: u32 = client.receive().message.unwrap();
    let _ = client.send(&(2 * request), &[]);
}

#[test]
fn a_server_that_hung_up_is_asked_again_over_a_new_connection() {
    let serve = |listener| {
        for _ in 0..3 {
            answer(&Socket::accept(&listener).unwrap());
        }
    };
    with_server(serve, |ask| {
        for number in 0..3 {
            assert_eq!(ask(number).unwrap(), 2 * number);
            thread::sleep(Duration::from_millis(50));
        }
    });
}

#[test]
fn a_server_that_always_hangs_up_is_asked_twice() {
    let serve = |listener| {
        for _ in 0..2 {
            drop(Socket::accept(&listener).unwrap());
        }
    };
    let refusal = with_server(serve, |ask| ask(1).unwrap_err());
    assert!(matches!(refusal, PacketError::Unread), "{refusal}");
}

#[test]
fn a_request_that_was_read_is_not_repeated() {
    let serve = |listener| {
        let client = Socket::accept(&listener).unwrap();
        let request: u32 = client.receive().message.unwrap();
        assert_eq!(request, 1);
        drop(client);
        answer(&Socket::accept(&listener).unwrap());
    };
    with_server(serve, |ask| {
        assert!(matches!(ask(1), Err(PacketError::Closed)));
        assert_eq!(ask(2).unwrap(), 4, "the next one");
    });
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    let serve = |listener| {
        let late = Socket::accept(&listener).unwrap();
        thread::sleep(2 * PATIENCE);
        answer(&late);
        answer(&Socket::accept(&listener).unwrap());
    };
    with_server(serve, |ask| {
        assert!(matches!(ask(1), Err(PacketError::Late)));
        thread::sleep(2 * PATIENCE);
        assert_eq!(ask(2).unwrap(), 4);
    });
}
