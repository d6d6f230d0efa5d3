//! A `minimal-vmm` that runs, and what it says.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::kernel;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_minimal-vmm");
const PATIENCE: Duration = Duration::from_secs(20);

/// A kernel that echoes what comes on its serial port, three characters later, by string instructions. What it has read last is
/// in memory, at 2 MiB.
pub(crate) const ECHO: &[u8] = &[
    0x66, 0xba, 0xfa, 0x03, 0xb0, 0x07, 0xee, // FIFO control: on, and empty
    0x66, 0xba, 0xfc, 0x03, 0xb0, 0x0b, 0xee, // modem control: DTR, RTS, OUT2
    0xc7, 0x05, 0x00, 0x00, 0x20, 0x00, b'.', b'.', b'.', 0x00, // mov dword [0x200000], "..."
    0x66, 0xba, 0xf8, 0x03, 0xb0, b'R', 0xee, // says that it is ready
    0x66, 0xba, 0xfd, 0x03, // again: mov dx, line status
    0xec, 0xa8, 0x01, 0x74, 0xfb, // until something has come
    0x66, 0xba, 0xf8, 0x03, // mov dx, the data port
    0xbe, 0x00, 0x00, 0x20, 0x00, 0xb9, 0x03, 0x00, 0x00, 0x00, // mov esi, 0x200000; mov ecx, 3
    0xfc, 0xf3, 0x6e, // cld; rep outsb
    0xbf, 0x00, 0x00, 0x20, 0x00, 0xb9, 0x03, 0x00, 0x00, 0x00, // mov edi, 0x200000; mov ecx, 3
    0xf3, 0x6c, // rep insb
    0xeb, 0xd8, // jmp again
];

/// The VMM, with the usual effect of every signal: a test may have inherited ignored ones, as in the background of a script.
pub(crate) fn program() -> Command {
    let mut program = Command::new("env");
    program.args(["--default-signal=HUP,INT,QUIT,TERM", PROGRAM]);
    program
}

/// Says why a test is skipped, if the machine cannot run guests.
pub(crate) fn kvm_is_missing() -> bool {
    let opened = fs::File::options().read(true).write(true).open("/dev/kvm");
    if let Err(error) = &opened {
        println!("skipped: it needs /dev/kvm: {error}");
    }
    opened.is_err()
}

/// A directory with the sockets and files of a test.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("kernel"), kernel::bz_image(ECHO, 0x10_0000)).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A VMM that boots the smallest kernel and listens at `control`.
    pub(crate) fn boot(&self, control: &str) -> Vmm {
        let mut vmm = Vmm::start(
            program()
                .arg("--kernel")
                .arg(self.path("kernel"))
                .args(["--mem", "16", "--control"])
                .arg(self.path(control)),
        );
        vmm.prints("R");
        vmm
    }

    /// Asks the VMM at `control`.
    pub(crate) fn ask(&self, control: &str, request: &[&str]) -> Output {
        let mut client = program();
        client.arg("--control").arg(self.path(control)).args(request);
        client.output().unwrap()
    }
}

pub(crate) struct Vmm {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<Said>>,
}

#[derive(Default)]
struct Said {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Of standard output, by the test.
    read: usize,
}

impl Vmm {
    /// Starts a VMM. Its standard error is kept unless the test wants something else.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    pub(crate) fn start_with(command: &mut Command, stderr: Stdio) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(Said::default()));
        collect(child.stdout.take(), &said, |said| &mut said.stdout);
        collect(child.stderr.take(), &said, |said| &mut said.stderr);
        Self {
            stdin: child.stdin.take(),
            child,
            said,
        }
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits for the next that the guest prints, which must be this.
    pub(crate) fn prints(&mut self, text: &str) {
        let printed = |said: &Said| {
            let new = &said.stdout[said.read..];
            (new.len() >= text.len()).then(|| String::from_utf8_lossy(&new[..text.len()]).into_owned())
        };
        let found = self.wait(&format!("`{text}`"), printed);
        assert_eq!(found, text);
        self.said.lock().unwrap().read += text.len();
    }

    /// The guest runs: it hears `text`, and says what it has heard before.
    pub(crate) fn echoes(&mut self, text: &str, before: &str) {
        self.types(text);
        self.prints(before);
    }

    /// Waits until the VMM has said something like this to people.
    pub(crate) fn says(&mut self, text: &str) {
        self.wait(text, |said| {
            String::from_utf8_lossy(&said.stderr).contains(text).then_some(())
        });
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap().stderr).into_owned()
    }

    fn wait<T>(&mut self, what: &str, mut look: impl FnMut(&Said) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(&self.said.lock().unwrap()) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                start.elapsed() < PATIENCE && ended.is_none(),
                "waited for {what}; {ended:?}, said {:?} and {}",
                String::from_utf8_lossy(&self.said.lock().unwrap().stdout),
                self.stderr()
            );
            sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn ends(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end; it said {}", self.stderr());
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Vmm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(from: Option<impl Read + Send + 'static>, said: &Arc<Mutex<Said>>, place: fn(&mut Said) -> &mut Vec<u8>) {
    let Some(mut from) = from else {
        return;
    };
    let said = Arc::clone(said);
    thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(len @ 1..) = from.read(&mut part) {
            place(&mut said.lock().unwrap()).extend(&part[..len]);
        }
    });
}

/// Connects to a VMM that is about to listen.
pub(crate) fn connect(path: &Path) -> UnixStream {
    let start = Instant::now();
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return stream,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{}: {error}", path.display()),
        }
        sleep(Duration::from_millis(5));
    }
}
