//! A server in a process of its own, and what to say to it.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
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
use devstate_socket::packets::{PacketError, PacketSocket};
use rustix::process::{Pid, Signal, kill_process};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use tempfile::TempDir;

/// A connection over which a client can send more than a server takes.
pub(super) type Socket = PacketSocket<{ 2 * MAX_PACKET }>;

/// Longer than a server waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

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
        std::fs::create_dir(&own).unwrap();
        std::os::unix::fs::chown(&own, Some(user), None).unwrap();
        let program = program_for_all(directory.path());
        let words: Vec<_> = before.iter().map(Path::new).chain([&*program]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("serve").uid(user);
        Self::listening(&mut command, directory, "own/socket")
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

    /// Where something with that name lies in the server's directory.
    pub(super) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).into_os_string().into_string().unwrap()
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
    pub(super) fn connect(&self) -> Socket {
        Socket::connect(&self.socket(), PATIENCE).unwrap()
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

/// Copies `kv-store` to where every user can run it, unless it is there.
pub(super) fn program_for_all(directory: &Path) -> PathBuf {
    let program = directory.join("kv-store");
    if !program.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_kv-store"), &program).unwrap();
        for path in [&program, directory] {
            std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
    }
    program
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

/// A packet of any bytes, which may say nothing.
pub(super) struct Raw<'b>(pub(super) &'b [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| bytes.serialize_element(byte))?;
        bytes.end()
    }
}

/// Asks for an export into whatever descriptors these are.
pub(super) fn ask_for_export(socket: &Socket, release: u16, descriptors: &[BorrowedFd<'_>]) {
    socket.send(&Request::Export { release }, descriptors).unwrap();
}

/// The server's next packet; `None` where it hung up.
pub(super) fn answer(socket: &Socket) -> Option<Reply> {
    match socket.receive().message {
        Ok(reply) => Some(reply),
        Err(PacketError::Closed | PacketError::Unread) => None,
        Err(error) => panic!("{error}"),
    }
}
