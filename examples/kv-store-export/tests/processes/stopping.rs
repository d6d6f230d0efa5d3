//! Processes that are stopped and go on, and a client that was silent.

use std::os::fd::AsFd;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use devstate_kv_store_export::Release;
use devstate_kv_store_export::linux::{Limits, Memory};
use rustix::process::{Pid, Signal, kill_process};

use super::server::{Server, answer, ask_for_export};

#[test]
fn a_server_that_is_stopped_and_goes_on_hangs_up_on_nobody() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let socket = server.connect();
    for _ in 0..3 {
        // The server waits for its next request.
        thread::sleep(Duration::from_millis(100));
        server.pause(Duration::from_millis(100)).join().unwrap();
        thread::sleep(Duration::from_millis(100));
        let memory = Memory::allocated(4096).unwrap();
        ask_for_export(&socket, 2, &[memory.as_fd()]);
        assert!(answer(&socket).is_some(), "it hung up");
    }
}

#[test]
fn a_client_that_is_stopped_and_goes_on_does_what_it_was_to_do() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let file: &str = &server.path("export");
    let pause = server.pause(Duration::from_millis(800));
    let mut command = server.command(&["export", file]);
    let client = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    // It waits for the server by then.
    thread::sleep(Duration::from_millis(300));
    let process = Pid::from_child(&client);
    kill_process(process, Signal::STOP).unwrap();
    thread::sleep(Duration::from_millis(100));
    kill_process(process, Signal::CONT).unwrap();
    pause.join().unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_client_that_was_silent_for_long_is_answered_all_the_same() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let client = server.client();
    for _ in 0..2 {
        assert_eq!(client.get("lamp").unwrap().unwrap().value, b"on");
        thread::sleep(Limits::DEFAULT.patience + Duration::from_millis(500));
    }
    client
        .export(Memory::allocated(4096).unwrap(), Release::LATEST)
        .unwrap();
}
