//! What a person types.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use devstate_kv_store_export::Release;
use devstate_kv_store_export::linux::{self, Memory, ServerLimits};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

use super::server::Server;

#[test]
fn what_a_person_types_works_and_says_what_it_did() {
    let server = Server::start();
    let file = server.directory.path().join("export");
    let file = file.to_str().unwrap();
    let fails_with = |arguments: &[&str], why: &str| {
        let (success, _, errors) = server.run(arguments);
        assert!(!success && errors.contains(why), "{arguments:?} said: {errors}");
        assert!(!Path::new(file).exists(), "a failed export left a file");
    };
    fails_with(&["export", file], "the store is empty");
    fails_with(&["get", "lamp"], "there is no item `lamp`");
    assert!(server.run(&["put", "lamp", "on"]).0);
    assert!(server.run(&["put", "password", "hunter2", "--sensitive"]).0);
    fails_with(&["put", "lamp", "off"], "already exists");
    fails_with(&["get", "password"], "--reveal");
    fails_with(&["export", file, "--size", "16"], "try `--size");
    fails_with(&["export", file, "--release", "1"], "item 1 is sensitive");
    fails_with(&["export", file, "--release", "7"], "there is no release 7");
    assert_eq!(server.run(&["get", "lamp"]).1, "on\n");
    assert_eq!(server.run(&["get", "password", "--reveal"]).1, "hunter2\n");
    let (success, output, _) = server.run(&["export", file]);
    assert!(success && output.starts_with("exported "), "{output}");
    let (_, listed, summary) = server.run(&["list", file]);
    assert_eq!(listed, "lamp = on\npassword = (sensitive, 7 bytes)\n");
    assert!(summary.contains("2 items, release 2"), "{summary}");
    assert_eq!(server.run(&["list", file, "--keys"]).1, "lamp\npassword\n");

    let other = Server::with_items(&[("lamp", b"other")]);
    assert_eq!(
        other.run(&["import", file]).1,
        "imported 1 items, 1 were there already\n"
    );
    assert_eq!(other.run(&["get", "lamp"]).1, "other\n");
    let restored = Server::start_with(&["--from", file]);
    assert_eq!(restored.run(&["get", "password", "--reveal"]).1, "hunter2\n");
    let written = |server: &Server| server.client().get("lamp").unwrap().unwrap().written;
    assert_eq!(written(&restored), written(&server), "the time of writing is kept");

    let mut bytes = std::fs::read(file).unwrap();
    bytes[30] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let (success, _, errors) = server.run(&["list", file]);
    assert!(
        !success && errors.contains("is no export: checksum mismatch"),
        "{errors}"
    );
    let (success, _, errors) = restored.run(&["--socket", "/nonexistent/socket", "get", "lamp"]);
    assert!(!success && errors.contains("no server answers"), "{errors}");
}

#[test]
fn a_second_server_does_not_take_the_place_of_the_first() {
    let server = Server::start();
    let (success, _, errors) = server.run(&["serve"]);
    assert!(!success && errors.contains("cannot listen"), "{errors}");
    assert!(server.is_alive());
}

#[test]
fn a_server_that_is_busy_is_not_replaced_and_not_waited_for() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("socket");
    let address = SocketAddrUnix::new(&path).unwrap();
    let socket = || {
        let flags = SocketFlags::NONBLOCK;
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap()
    };
    let busy = socket();
    rustix::net::bind(&busy, &address).unwrap();
    rustix::net::listen(&busy, 0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = socket();
        match rustix::net::connect(&client, &address) {
            Ok(()) => waiting.push(client),
            Err(Errno::AGAIN) => break,
            Err(errno) => panic!("{errno}"),
        }
    }
    let (sender, answer) = std::sync::mpsc::channel();
    thread::spawn(move || sender.send(linux::Server::new(&path, ServerLimits::default()).map(drop)));
    let refused = answer.recv_timeout(Duration::from_secs(10)).unwrap().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn the_help_names_every_command_and_says_what_it_does() {
    let server = Server::start();
    let (success, help, _) = server.run(&["--help"]);
    assert!(success);
    for command in ["serve", "put", "get", "export", "import", "list"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in: {help}");
        let (success, own, _) = server.run(&[command, "--help"]);
        assert!(success && own.contains("Usage: kv-store"), "{command}: {own}");
    }
}

#[test]
fn the_file_is_the_memory_byte_for_byte() {
    let server = Server::with_items(&[("lamp", b"on"), ("long", &[7; 4096])]);
    let file = server.directory.path().join("export");
    assert!(server.run(&["export", file.to_str().unwrap()]).0);
    let sealed = server
        .client()
        .export(&Memory::new(1 << 20).unwrap(), Release::LATEST)
        .unwrap();
    assert_eq!(std::fs::read(file).unwrap(), *sealed.map().unwrap());
}

#[test]
fn on_a_terminal_a_bar_shows_how_far_it_is_and_elsewhere_nothing_does() {
    let server = Server::with_items(&[("lamp", b"on"), ("long", &[7; 4096])]);
    let file = server.directory.path().join("export");
    let file = file.to_str().unwrap();
    assert_eq!(server.run(&["export", file]).2, "");
    assert_eq!(server.run(&["import", file]).2, "");
    let shown = on_a_terminal(&server, &["export", file]);
    assert!(shown.contains("KiB/"), "{shown:?}");
    let shown = on_a_terminal(&server, &["import", file]);
    assert!(shown.contains("/2 items"), "{shown:?}");
}

/// What `kv-store` writes to a terminal as its error output.
fn on_a_terminal(server: &Server, arguments: &[&str]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let other_end = File::options().read(true).write(true).open(name).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kv-store"))
        .arg("--socket")
        .arg(server.socket())
        .args(arguments)
        .env("TERM", "xterm")
        .stderr(other_end)
        .output()
        .unwrap();
    assert!(output.status.success());
    let mut shown = [0; 16 << 10];
    let len = rustix::io::read(&terminal, &mut shown).unwrap();
    String::from_utf8_lossy(&shown[..len]).into_owned()
}
