//! Descriptors whose closing waits.

use std::fs::read_to_string;
use std::io::{Read, pipe};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::thread::gettid;

use super::*;

/// A connection that takes ten seconds to close: nobody reads what was sent, and it lingers.
pub(crate) fn lingering(listener: &TcpListener) -> (OwnedFd, TcpStream) {
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let peer = listener.accept().unwrap().0;
    set_socket_linger(&stream, Some(Duration::from_secs(10))).unwrap();
    stream.set_nonblocking(true).unwrap();
    while rustix::io::write(&stream, &[0; 8 << 10]) != Err(Errno::AGAIN) {}
    (stream.into(), peer)
}

#[test]
fn a_request_without_descriptors_wakes_no_thread() {
    const CALLS: u32 = 200;
    let closer = Arc::new(Closer::new());
    let (said, heard) = mpsc::channel();
    thread::spawn({
        let closer = closer.clone();
        move || {
            said.send(gettid()).unwrap();
            closer.run()
        }
    });
    let status = format!("/proc/self/task/{}/status", heard.recv().unwrap());
    let switches = || {
        let status = read_to_string(&status).unwrap();
        let waits = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        waits.unwrap().trim().parse::<u32>().unwrap()
    };
    thread::sleep(Duration::from_millis(50));
    let before = switches();
    for _ in 0..CALLS {
        closer.close([]);
        thread::sleep(Duration::from_micros(100));
    }
    assert!(switches() - before < CALLS / 4, "{before}, then {}", switches());
}

#[test]
fn a_descriptor_whose_closing_waits_holds_up_one_thread_of_a_closer() {
    let closer = Arc::new(Closer::new());
    for _ in 0..2 {
        let closer = closer.clone();
        thread::spawn(move || closer.run());
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (slow, peer) = lingering(&listener);
    let start = Instant::now();
    let pipes: Vec<_> = (0..10).map(|_| pipe().unwrap()).collect();
    closer.close([slow]);
    let (readers, writers): (Vec<_>, Vec<_>) = pipes.into_iter().unzip();
    closer.close(writers.into_iter().map(OwnedFd::from));
    for mut reader in readers {
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(closer.waiting(), 0);
    let (second, other_peer) = lingering(&listener);
    closer.close([second]);
    while closer.waiting() > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let (mut reader, writer) = pipe().unwrap();
    closer.close([writer.into()]);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(closer.waiting(), 1, "both threads hang");
    drop((peer, other_peer));
    assert_eq!(reader.read(&mut [0]).unwrap(), 0, "they go on");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
