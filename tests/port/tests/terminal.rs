//! Runs `port-vmm` on a pseudo-terminal, and in pipes.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TRACE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/replay/traces/linux-6.1-x86-serial-i8042.trace"
);
const PATIENCE: Duration = Duration::from_mins(1);

/// `port-vmm` in pipes, killed if it does not end.
fn piped() -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_port-vmm")]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A terminal with `port-vmm` on it.
struct Terminal {
    user: File,
    program_end: File,
    vmm: Child,
    seen: String,
}

impl Terminal {
    fn start(arguments: &[&str]) -> Self {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&user).unwrap();
        unlockpt(&user).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let program_end = File::from(open(ptsname(&user, Vec::new()).unwrap(), flags, Mode::empty()).unwrap());
        let end = || Stdio::from(program_end.try_clone().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_port-vmm"));
        command
            .args(arguments)
            .stdin(end())
            .stdout(end())
            .stderr(Stdio::piped());
        let vmm = command.spawn().unwrap();
        Self {
            user: user.into(),
            program_end,
            vmm,
            seen: String::new(),
        }
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.program_end)
            .unwrap()
            .local_modes
            .contains(LocalModes::ICANON)
    }

    /// Reads until what was seen is `done`.
    fn expect(&mut self, what: &str, done: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(&self.seen) {
            assert!(
                self.read(Duration::from_millis(100)) || Instant::now() < end,
                "no {what}: {:?}",
                self.seen
            );
        }
    }

    /// Returns false if nothing came.
    fn read(&mut self, patience: Duration) -> bool {
        let timeout = Timespec::try_from(patience).unwrap();
        let mut fds = [PollFd::new(&self.user, PollFlags::IN)];
        if poll(&mut fds, Some(&timeout)).unwrap() == 0 {
            return false;
        }
        let mut bytes = [0; 4096];
        let count = self.user.read(&mut bytes).unwrap();
        self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        true
    }

    fn press(&mut self, keys: &[u8]) {
        self.user.write_all(keys).unwrap();
    }

    /// Waits for the end. Returns what it printed on stderr.
    fn end(mut self) -> (String, String) {
        let status = wait(&mut self.vmm);
        while self.read(Duration::ZERO) {}
        assert!(status, "{}", self.seen);
        assert!(!self.is_raw(), "the terminal's mode is not restored");
        (self.seen, stderr(&mut self.vmm))
    }
}

fn stderr(vmm: &mut Child) -> String {
    let mut text = String::new();
    vmm.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Returns whether it ended with success. Ends it itself when it takes too long.
fn wait(vmm: &mut Child) -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = vmm.try_wait().unwrap() {
            return status.success();
        }
        if Instant::now() > end {
            vmm.kill().unwrap();
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_prompt_shows_without_a_newline_and_what_is_typed_comes_back_once() {
    let mut terminal = Terminal::start(&[]);
    terminal.expect("prompt", |seen| seen.ends_with("login: "));
    assert!(terminal.is_raw());
    terminal.press(b"root\rwho am I?");
    terminal.expect("echo", |seen| seen.ends_with("I?"));
    // More than the UART has room for.
    let paste = "0123456789abcdef".repeat(200);
    terminal.press(paste.as_bytes());
    terminal.expect("paste", |seen| seen.ends_with(&paste));
    terminal.press(b"\x04");
    let (seen, stderr) = terminal.end();
    assert_eq!(seen, format!("login: root\r\nwho am I?{paste}\r\n"));
    assert_eq!(stderr, "");
}

#[test]
fn a_recorded_boot_shows_and_what_is_typed_before_the_port_is_open_is_not_lost() {
    let mut terminal = Terminal::start(&["--trace", TRACE]);
    // The port is opened after the recording. Its output waits while nobody reads it.
    terminal.expect("console", |seen| seen.contains("Linux version 6.1"));
    terminal.press(b"root\r");
    std::thread::sleep(Duration::from_millis(100));
    terminal.expect("echo", |seen| seen.ends_with("login: root\r\n"));
    terminal.press(b"\x04");
    let (seen, stderr) = terminal.end();
    assert!(seen.ends_with("reboot: Power down\r\nlogin: root\r\n\r\n"), "{seen}");
    assert_eq!(stderr, "0 reads differed from the recording\n");
}

#[test]
fn a_reader_that_goes_ends_it_with_success() {
    for arguments in [&[][..], &["--trace", TRACE]] {
        // The input stays open: only the reader ends it.
        let mut vmm = piped().args(arguments).spawn().unwrap();
        let head = Command::new("head")
            .args(["-c", "3"])
            .stdin(vmm.stdout.take().unwrap())
            .output()
            .unwrap();
        assert_eq!(head.stdout.len(), 3);
        assert!(wait(&mut vmm));
        assert_eq!(stderr(&mut vmm), "");
    }
}

#[test]
fn the_end_of_the_input_ends_it_after_all_output() {
    let mut vmm = piped().spawn().unwrap();
    vmm.stdin.take().unwrap().write_all(b"root\r").unwrap();
    let mut seen = String::new();
    vmm.stdout.take().unwrap().read_to_string(&mut seen).unwrap();
    assert!(wait(&mut vmm));
    assert_eq!((seen.as_str(), stderr(&mut vmm).as_str()), ("login: root\r\n\r\n", ""));
}

#[test]
fn output_waits_for_a_slow_reader() {
    let mut vmm = piped().args(["--trace", TRACE]).stdin(Stdio::null()).spawn().unwrap();
    // The pipe has room for 64 KiB at most, and the recording for less: make it small.
    let mut stdout = vmm.stdout.take().unwrap();
    rustix::pipe::fcntl_setpipe_size(&stdout, 4096).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let mut seen = String::new();
    stdout.read_to_string(&mut seen).unwrap();
    assert!(wait(&mut vmm));
    assert!(
        seen.contains("Linux version 6.1") && seen.ends_with("Power down\r\nlogin: \r\n"),
        "{seen}"
    );
    assert_eq!(stderr(&mut vmm), "0 reads differed from the recording\n");
}
