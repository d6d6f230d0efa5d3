//! A guest moves, and is always in one place.

use std::io::pipe;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::vmm::{PROGRAM, Place, Vmm, connect, kvm_is_missing, program};

/// Waits for a machine at `move`, under `limit` descriptors.
fn destination(place: &Place, limit: u32) -> Vmm {
    let (reader, stderr) = pipe().unwrap();
    drop(reader);
    let socket = place.path("move");
    let script = format!("ulimit -n {limit}; exec {PROGRAM} --receive {}", socket.display());
    Vmm::start_with(Command::new("sh").args(["-c", &script]), stderr.into())
}

/// The reader of the destination's messages is gone, and it has no descriptors to spare.
#[test]
fn a_guest_is_always_in_one_place() {
    if kvm_is_missing() {
        return;
    }
    let place = Place::new();
    let (mut stayed, mut went) = (0, 0);
    for limit in 3..40 {
        let mut there = destination(&place, limit);
        let mut here = place.boot("control");
        here.echoes("abc", "...");
        // Some have too few descriptors to start at all.
        while there.is_running() && !place.path("move").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let moved = place.ask("control", &["--migrate", place.path("move").to_str().unwrap()]);
        if moved.status.success() {
            assert!(here.ends().success());
            there.echoes("def", "abc");
            went += 1;
        } else {
            assert!(here.is_running());
            here.echoes("def", "abc");
            stayed += 1;
        }
        let _ = std::fs::remove_file(place.path("move"));
        if went > 1 {
            break;
        }
    }
    assert!(stayed > 0 && went > 0, "{stayed} stayed, {went} went");
}

/// The guest and its console run while a destination is called that does not answer.
#[test]
fn a_call_that_nobody_answers_holds_up_nothing() {
    if kvm_is_missing() {
        return;
    }
    let place = Place::new();
    let mut vmm = place.boot("control");
    let _silent = UnixListener::bind(place.path("move")).unwrap();
    let start = Instant::now();
    let mut client = program();
    client.arg("--control").arg(place.path("control")).arg("--migrate");
    let client = client.arg(place.path("move")).stderr(std::process::Stdio::piped());
    let client = client.spawn().unwrap();
    let mut before = "...";
    for text in ["abc", "def", "ghi"] {
        std::thread::sleep(Duration::from_millis(300));
        vmm.echoes(text, before);
        before = text;
    }
    assert!(start.elapsed() < Duration::from_secs(4), "the console stood still");
    let output = client.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("did not answer within 5 s"), "{said}");
    vmm.echoes("jkl", "ghi");

    // Its own control socket is known at once.
    let start = Instant::now();
    let output = place.ask("control", &["--migrate", place.path("control").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("this process itself listens at"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(2));
    vmm.echoes("mno", "jkl");
}

/// Strangers come before and between, and one guest still arrives.
#[test]
fn a_guest_arrives_after_strangers() {
    if kvm_is_missing() {
        return;
    }
    let place = Place::new();
    let mut there = Vmm::start(program().arg("--receive").arg(place.path("move")));
    let mut here = place.boot("control");
    here.echoes("abc", "...");
    drop(connect(&place.path("move")));
    let _silent = connect(&place.path("move"));
    let moved = place.ask("control", &["--migrate", place.path("move").to_str().unwrap()]);
    assert!(moved.status.success(), "{moved:?}");
    there.echoes("def", "abc");
    assert!(here.ends().success());
    assert!(!place.path("move").exists());
}
