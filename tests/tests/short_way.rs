//! The short way to the standard output: what the guest sent is visible when the guest waits, and an output that is gone
//! does not hang it.

#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test"
)]
#![cfg(unix)]

use devstate_core::{Instant, NoInterrupt};
use devstate_serial_16550::{AlwaysReady, Serial};
use embedded_io_adapters::std::FromStd;
use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const ROLE: &str = "DEVSTATE_TEST_GUEST";
const PROMPT: &[u8] = b"login: ";

/// Plays the guest in a process of its own, if this is that process.
#[test]
fn guest() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let mut serial = Serial::new(NoInterrupt, AlwaysReady(FromStd::new(std::io::stdout())));
    let now = Instant::EPOCH;
    if role == "prompt" {
        for character in PROMPT {
            serial.write(0, *character, now);
        }
        // It waits for somebody to type. It prints nothing more, and does not end.
        let _ = std::io::stdin().read(&mut [0]);
    } else {
        // Polls as a driver does, and reports when it is through.
        for _ in 0..100_000 {
            let ready = (0..1_000).any(|_| serial.read(5, now) & 0x60 == 0x60);
            assert!(ready, "hangs");
            serial.write(0, b'x', now);
        }
        eprintln!("through");
    }
}

fn spawn(role: &str, stdin: Stdio, stdout: Stdio, stderr: Stdio) -> Child {
    let arguments = ["--exact", "guest", "--nocapture", "--test-threads=1"];
    Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .env(ROLE, role)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .unwrap()
}

/// The test harness around the guest would not like its output to be gone.
fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Waits until the prompt comes, while the guest waits for input.
fn expect_prompt(mut terminal: impl Read + Send + 'static) {
    let (found, result) = mpsc::channel();
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = terminal.read(&mut bytes) {
            seen.extend_from_slice(bytes.get(..count).unwrap_or_default());
            if seen.windows(PROMPT.len()).any(|window| window == PROMPT) {
                let _ = found.send(());
                return;
            }
        }
    });
    assert_eq!(
        result.recv_timeout(Duration::from_secs(20)),
        Ok(()),
        "the prompt is not visible"
    );
}

#[test]
fn a_prompt_without_a_newline_is_visible_on_a_pipe() {
    let mut child = spawn("prompt", Stdio::piped(), Stdio::piped(), Stdio::null());
    expect_prompt(child.stdout.take().unwrap());
    end(child);
}

#[test]
fn a_prompt_without_a_newline_is_visible_on_a_terminal() {
    use rustix::fs::{Mode, OFlags};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let (stdin, stdout) = (slave.try_clone().unwrap(), slave);
    let child = spawn("prompt", stdin.into(), stdout.into(), Stdio::null());
    expect_prompt(File::from(master));
    end(child);
}

#[test]
fn a_guest_whose_output_is_gone_goes_on() {
    let mut child = spawn("print", Stdio::null(), Stdio::piped(), Stdio::piped());
    // As `vmm | head`.
    let mut some = [0; 64];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let mut report = String::new();
    child.stderr.take().unwrap().read_to_string(&mut report).unwrap();
    child.wait().unwrap();
    assert!(report.contains("through"), "{report}");
}
