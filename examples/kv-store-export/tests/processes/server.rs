//! A server in a process of its own, and what to say to it.

use std::io::{BufRead, BufReader, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use devstate_kv_store_export::Item;
use devstate_kv_store_export::linux::{Client, ClientError, ExportFailure, MAX_PACKET, Reply, Request, Sealed};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketType,
};
use tempfile::TempDir;

/// A server in a process and a directory of its own.
pub(super) struct Server {
    process: Child,
    pub(super) directory: TempDir,
}

impl Server {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(super) fn start_with(arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_kv-store"))
            .arg("serve")
            .args(arguments)
            .arg("--socket")
            .arg(directory.path().join("socket"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().starts_with("listening")),
            "the server did not start"
        );
        Self { process, directory }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    pub(super) fn client(&self) -> Client {
        Client::new(&self.socket()).unwrap()
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

    /// Runs `kv-store` with these arguments; gives success, output and errors.
    pub(super) fn run(&self, arguments: &[&str]) -> (bool, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_kv-store"))
            .arg("--socket")
            .arg(self.socket())
            .args(arguments)
            .output()
            .unwrap();
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

pub(super) fn refusal(result: Result<Sealed, ClientError>) -> ExportFailure {
    match result {
        Err(ClientError::Export(failure)) => failure,
        other => panic!("{other:?}"),
    }
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
