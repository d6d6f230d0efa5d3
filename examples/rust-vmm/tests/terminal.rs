//! The program on a terminal, and on a pipe whose reader goes away.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

const PROGRAM: &str = env!("CARGO_BIN_EXE_devstate-rust-vmm-example");

/// Both ends of a terminal.
fn terminal() -> (File, File) {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let name = ptsname(&near, Vec::new()).unwrap();
    let far = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (File::from(near), File::from(far))
}

fn start(far: &File) -> Child {
    let end = || Stdio::from(far.try_clone().unwrap());
    Command::new(PROGRAM).stdin(end()).stdout(end()).spawn().unwrap()
}

fn read_exactly(near: &mut File, expected: &[u8]) {
    let mut found = vec![0; expected.len()];
    near.read_exact(&mut found).unwrap();
    assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(expected));
}

fn ends(mut child: Child) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    false
}

fn echoes(far: &File) -> bool {
    tcgetattr(far)
        .unwrap()
        .local_modes
        .contains(LocalModes::ECHO | LocalModes::ICANON)
}

#[test]
fn a_prompt_without_a_newline_shows_and_what_is_typed_comes_back_once() {
    let (mut near, far) = terminal();
    let child = start(&far);
    read_exactly(&mut near, b"login: ");
    assert!(!echoes(&far), "the terminal echoes as well");
    for key in [b"r", b"o", b"o", b"t"] {
        near.write_all(key).unwrap();
        read_exactly(&mut near, key);
    }
    // Ctrl-C is for the guest.
    near.write_all(b"\x03").unwrap();
    read_exactly(&mut near, b"\x03");
    near.write_all(b"\x04").unwrap();
    assert!(ends(child));
    assert!(echoes(&far), "the terminal is left without echo");
}

#[test]
fn a_long_paste_comes_back_whole() {
    let (mut near, far) = terminal();
    let child = start(&far);
    read_exactly(&mut near, b"login: ");
    let paste: Vec<u8> = (0..20_000_u32).map(|index| b'a' + (index % 26) as u8).collect();
    let mut keyboard = near.try_clone().unwrap();
    let copy = paste.clone();
    let typist = std::thread::spawn(move || keyboard.write_all(&copy).unwrap());
    read_exactly(&mut near, &paste);
    typist.join().unwrap();
    near.write_all(b"\x04").unwrap();
    assert!(ends(child));
}

#[test]
fn it_ends_cleanly_when_nobody_reads_any_more() {
    let mut child = Command::new(PROGRAM)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let mut errors = child.stderr.take().unwrap();
    let mut prompt = [0; 7];
    screen.read_exact(&mut prompt).unwrap();
    assert_eq!(&prompt, b"login: ");
    drop(screen);
    keyboard.write_all(b"x").unwrap();
    assert!(ends(child));
    let mut said = String::new();
    errors.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn the_end_of_the_input_does_not_end_the_guest() {
    let mut child = Command::new(PROGRAM)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut screen = child.stdout.take().unwrap();
    child.stdin.take().unwrap().write_all(b"ab").unwrap();
    let mut shown = [0; 9];
    screen.read_exact(&mut shown).unwrap();
    assert_eq!(&shown, b"login: ab");
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}
