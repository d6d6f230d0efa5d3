//! A server in a process of its own, and what to say to it.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use devstate_kv_store_export::Item;
use devstate_kv_store_export::linux::{
    Client, ClientError, ExportFailure, MAX_PACKET, Memory, Refused, Reply, Request, Sealed,
};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketType,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A server in a process and a directory of its own.
pub(super) struct Server {
    process: Child,
    pub(super) directory: TempDir,
    socket: &'static str,
}

impl Server {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(super) fn start_with(arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kv-store"));
        command.arg("serve").args(arguments);
        Self::listening(&mut command, directory, "socket")
    }

    /// As another user, in a directory of that user's, with words before the command.
    pub(super) fn start_as(user: u32, before: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let own = directory.path().join("own");
        let program = directory.path().join("server");
        std::fs::create_dir(&own).unwrap();
        std::os::unix::fs::chown(&own, Some(user), None).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_kv-store"), &program).unwrap();
        for path in [&program, directory.path()] {
            std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        let words: Vec<_> = before.iter().map(Path::new).chain([&*program]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("serve").uid(user);
        Self::listening(&mut command, directory, "own/socket")
    }

    /// In a control group.
    pub(super) fn start_in(group: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$1\" && shift && exec \"$@\"", "sh"]);
        command.arg(group.join("cgroup.procs"));
        command.args([env!("CARGO_BIN_EXE_kv-store"), "serve"]);
        Self::listening(&mut command, TempDir::new().unwrap(), "socket")
    }

    fn listening(command: &mut Command, directory: TempDir, socket: &'static str) -> Self {
        let command = command.arg("--socket").arg(directory.path().join(socket));
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().starts_with("listening")),
            "the server did not start"
        );
        Self {
            process,
            directory,
            socket,
        }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join(self.socket)
    }

    pub(super) fn client(&self) -> Client {
        Client::new(&self.socket()).unwrap()
    }

    /// A server with a megabyte or two to export, which takes it a while.
    pub(super) fn with_a_large_export() -> Self {
        let server = Self::start();
        let client = server.client();
        for i in 0..500 {
            client.write_item(Item::new(&format!("key{i}"), &[7; 4096])).unwrap();
        }
        server
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Lets it do nothing for that long, and then go on, from another thread.
    pub(super) fn pause(&self, long: Duration) -> JoinHandle<()> {
        let process = Pid::from_child(&self.process);
        self.signal(Signal::STOP);
        thread::spawn(move || {
            thread::sleep(long);
            kill_process(process, Signal::CONT).unwrap();
        })
    }

    /// A bare connection, for saying what no client says.
    pub(super) fn connect(&self) -> OwnedFd {
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        rustix::net::connect(&socket, &SocketAddrUnix::new(self.socket()).unwrap()).unwrap();
        socket
    }

    pub(super) fn with_items(items: &[(&str, &[u8])]) -> Self {
        let server = Self::start();
        let client = server.client();
        for (key, value) in items {
            client.write_item(Item::new(key, value)).unwrap();
        }
        server
    }

    /// `kv-store` with these arguments, to this server.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kv-store"));
        command.arg("--socket").arg(self.socket()).args(arguments);
        command
    }

    /// Runs `kv-store` with these arguments; gives success, output and errors.
    pub(super) fn run(&self, arguments: &[&str]) -> (bool, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    /// How many descriptors the server has open.
    pub(super) fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.process.id());
        std::fs::read_dir(path).unwrap().count()
    }

    pub(super) fn is_alive(&self) -> bool {
        self.client().get("nothing").is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(super) fn size(file: impl AsFd) -> i64 {
    rustix::fs::fstat(file).unwrap().st_size
}

pub(super) fn refusal(result: Result<Sealed, Refused>) -> ExportFailure {
    refusal_and_memory(result).0
}

/// Why there was no export, and the memory, where the client gave it back.
pub(super) fn refusal_and_memory(result: Result<Sealed, Refused>) -> (ExportFailure, Option<Memory>) {
    match result {
        Err(Refused {
            error: ClientError::Export(failure),
            memory,
        }) => (failure, memory),
        other => panic!("{other:?}"),
    }
}

/// Another descriptor of the same memory, kept by a client that does not play by the rules.
pub(super) fn duplicate(memory: &Memory) -> OwnedFd {
    memory.as_fd().try_clone_to_owned().unwrap()
}

/// Sends any packet with any descriptors, at most eight: a `Client` only sends memory.
pub(super) fn send(socket: &OwnedFd, packet: &[u8], descriptors: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(descriptors.is_empty() || ancillary.push(SendAncillaryMessage::ScmRights(descriptors)));
    rustix::net::sendmsg(socket, &[IoSlice::new(packet)], &mut ancillary, SendFlags::empty()).unwrap();
}

/// The packet that asks for an export.
pub(super) fn export_request(release: u16) -> Vec<u8> {
    let mut packet = [0; 64];
    postcard::to_slice(&Request::Export { release }, &mut packet)
        .unwrap()
        .to_vec()
}

/// Asks for an export into whatever descriptor this is.
pub(super) fn export_into(server: &Server, descriptor: impl AsFd) -> ExportFailure {
    let socket = server.connect();
    send(&socket, &export_request(2), &[descriptor.as_fd()]);
    match answer(&socket) {
        Some(Reply::NotExported(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// The server's next packet; `None` where it hung up.
pub(super) fn answer(socket: &OwnedFd) -> Option<Reply> {
    let mut packet = [0; MAX_PACKET];
    let (received, _) = rustix::net::recv(socket, &mut packet, RecvFlags::empty()).ok()?;
    (received > 0).then(|| postcard::from_bytes(&packet[..received]).unwrap())
}
