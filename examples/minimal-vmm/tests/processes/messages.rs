//! Nobody reads what the VMM says.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;

use crate::kernel;
use crate::vmm::{ECHO, Place, Vmm, connect, kvm_is_missing, program};

/// Standard errors that take nothing: full, without a reader, and with one that does not read.
fn deaf() -> Vec<(&'static str, Stdio, Option<std::io::PipeReader>)> {
    let (gone, broken) = pipe().unwrap();
    drop(gone);
    let (reader, mut stuffed) = pipe().unwrap();
    rustix::io::ioctl_fionbio(&stuffed, true).unwrap();
    while stuffed.write(&[b'.'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&stuffed, false).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    vec![
        ("full", full.into(), None),
        ("without a reader", broken.into(), None),
        ("not read", stuffed.into(), Some(reader)),
    ]
}

#[test]
fn a_vmm_that_waits_for_a_machine_needs_no_listener() {
    let place = Place::new();
    for (what, stderr, _reader) in deaf() {
        let socket = place.path("move");
        let mut vmm = Vmm::start_with(program().arg("--receive").arg(&socket), stderr);
        // Each of these calls is answered with a message.
        for _ in 0..3 {
            drop(connect(&socket));
        }
        connect(&socket).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut greeting = [0; 9];
        connect(&socket).read_exact(&mut greeting).unwrap();
        assert!(vmm.is_running(), "standard error is {what}");
        vmm.signal(Signal::TERM);
        vmm.ends();
        assert!(!socket.exists(), "standard error is {what}");
    }
}

#[test]
fn a_guest_runs_on_whatever_calls_at_the_control_socket() {
    if kvm_is_missing() {
        return;
    }
    let place = Place::new();
    for (what, stderr, _reader) in deaf() {
        let mut vmm = Vmm::start_with(
            program()
                .arg("--kernel")
                .arg(place.path("kernel"))
                .args(["--mem", "16", "--control"])
                .arg(place.path("control")),
            stderr,
        );
        vmm.prints("R");
        let control = place.path("control");
        drop(connect(&control));
        connect(&control).write_all(b"nonsense\n").unwrap();
        vmm.echoes("abc", "...");
        let saved = place.ask("control", &["--save", place.path("saved").to_str().unwrap()]);
        assert!(saved.status.success(), "standard error is {what}: {saved:?}");
        vmm.echoes("def", "abc");
        assert!(place.ask("control", &["--quit"]).status.success());
        assert!(!control.exists(), "the next VMM cannot listen at {}", control.display());
        assert!(vmm.ends().success(), "standard error is {what}");
    }
}

/// The answer cannot be printed: that is an error, and no panic.
#[test]
fn a_client_says_that_its_answer_could_not_be_printed() {
    let place = Place::new();
    let listener = UnixListener::bind(place.path("control")).unwrap();
    let server = thread::spawn(move || {
        let (caller, _) = listener.accept().unwrap();
        let mut asked = String::new();
        BufReader::new(&caller).read_line(&mut asked).unwrap();
        (&caller)
            .write_all(b"{\"done\":[\"paused\"],\"failed\":null}\n")
            .unwrap();
    });
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut client = program();
    client
        .arg("--control")
        .arg(place.path("control"))
        .arg("--pause")
        .stdout(full);
    let output = client
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    server.join().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("all was done, but the answer cannot be printed"),
        "{said}"
    );
}

#[test]
fn a_kernel_that_wants_to_lie_behind_all_addresses_is_refused() {
    if kvm_is_missing() {
        return;
    }
    let place = Place::new();
    std::fs::write(place.path("evil"), kernel::bz_image(ECHO, u64::MAX)).unwrap();
    let mut vmm = program();
    let output = vmm.arg("--kernel").arg(place.path("evil")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("behind the end of all addresses"), "{said}");
}

/// Who asks a VMM that has no machine yet is answered, and can end it.
#[test]
fn a_vmm_that_waits_for_a_machine_answers() {
    let place = Place::new();
    let (socket, control) = (place.path("move"), place.path("control"));
    let mut vmm = Vmm::start(program().arg("--receive").arg(&socket).arg("--control").arg(&control));
    drop(connect(&socket));
    for request in [&["--pause"][..], &["--pause", "--quit"], &["--type", "a"]] {
        let asked = place.ask("control", request);
        let said = String::from_utf8_lossy(&asked.stderr);
        assert!(said.contains("waits for a machine and has none"), "{request:?}: {said}");
    }
    assert!(vmm.is_running());
    assert!(place.ask("control", &["--quit"]).status.success());
    assert!(vmm.ends().success() && !socket.exists() && !control.exists());
}
