//! Server and clients as real processes: the three outcomes of an export, what the seals forbid, and bad clients.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test, which maps memory"
)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use devstate_kv_store_export::linux::{
    self, Client, ClientError, ExportFailure, MAX_PACKET, Memory, Reply, Request, Sealed, ServedStore, ServerLimits,
};
use devstate_kv_store_export::{ExportError, Exportable, Item, Release, WriteError};
use rustix::fs::{FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use tempfile::TempDir;

/// A server in a process and a directory of its own.
struct Server {
    process: Child,
    directory: TempDir,
}

impl Server {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(arguments: &[&str]) -> Self {
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

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn client(&self) -> Client {
        Client::new(&self.socket()).unwrap()
    }

    /// A bare connection, for saying what no client says.
    fn connect(&self) -> OwnedFd {
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        rustix::net::connect(&socket, &SocketAddrUnix::new(self.socket()).unwrap()).unwrap();
        socket
    }

    fn with_items(items: &[(&str, &[u8])]) -> Self {
        let server = Self::start();
        let client = server.client();
        for (key, value) in items {
            client.write_item(Item::new(key, value)).unwrap();
        }
        server
    }

    /// Runs `kv-store` with these arguments; gives success, output and errors.
    fn run(&self, arguments: &[&str]) -> (bool, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_kv-store"))
            .arg("--socket")
            .arg(self.socket())
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    fn is_alive(&self) -> bool {
        self.client().get("nothing").is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn size(file: impl AsFd) -> i64 {
    rustix::fs::fstat(file).unwrap().st_size
}

fn refusal(result: Result<Sealed, ClientError>) -> ExportFailure {
    match result {
        Err(ClientError::Export(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// Asks for an export into whatever descriptor this is.
fn export_into(server: &Server, descriptor: impl AsFd) -> ExportFailure {
    // A request without a descriptor, followed by hand with one: the client's own way only sends memory.
    let socket = server.connect();
    let mut packet = [0; 64];
    let packet = postcard::to_slice(&Request::Export { release: 2 }, &mut packet).unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = rustix::net::SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor.as_fd()];
    ancillary.push(rustix::net::SendAncillaryMessage::ScmRights(&descriptors));
    rustix::net::sendmsg(
        &socket,
        &[std::io::IoSlice::new(packet)],
        &mut ancillary,
        SendFlags::empty(),
    )
    .unwrap();
    match answer(&socket) {
        Some(Reply::NotExported(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// The server's next packet; `None` where it hung up.
fn answer(socket: &OwnedFd) -> Option<Reply> {
    let mut packet = [0; MAX_PACKET];
    let (received, _) = rustix::net::recv(socket, &mut packet, rustix::net::RecvFlags::empty()).ok()?;
    (received > 0).then(|| postcard::from_bytes(&packet[..received]).unwrap())
}

#[test]
fn an_export_comes_back_sealed_with_every_item_in_order() {
    let server = Server::with_items(&[("zebra", b"last"), ("apple", b"first"), ("mango", &[0; 4096])]);
    let memory = Memory::new(1 << 20).unwrap();
    let sealed = server.client().export(&memory, Release::LATEST).unwrap();
    let mapping = sealed.map().unwrap();
    let exportable = Exportable::load(&mapping).unwrap();
    let mut keys = Vec::new();
    exportable
        .visit(&mut |item| keys.push((item.key, item.value.len())))
        .unwrap();
    assert_eq!(keys, [("apple", 5), ("mango", 4096), ("zebra", 4)]);
    assert_eq!(
        size(&memory),
        i64::try_from(sealed.len()).unwrap(),
        "the memory has the export's size"
    );
}

#[test]
fn an_empty_store_exports_nothing_and_leaves_the_memory_alone() {
    let server = Server::start();
    let memory = Memory::new(4).unwrap();
    let failure = refusal(server.client().export(&memory, Release::LATEST));
    // Looked at first: the memory is too small as well.
    assert_eq!(failure, ExportFailure::Export(ExportError::Empty));
    assert_eq!(size(&memory), 4);
    assert!(rustix::fs::fcntl_get_seals(&memory).unwrap().is_empty());
}

#[test]
fn memory_that_is_too_small_is_refused_and_left_alone_and_an_exact_fit_is_taken() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let small = Memory::new(10).unwrap();
    let failure = refusal(server.client().export(&small, Release::LATEST));
    let ExportFailure::Export(ExportError::StorageTooSmall { needed, available: 10 }) = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(size(&small), 10);
    assert!(rustix::fs::fcntl_get_seals(&small).unwrap().is_empty());
    let short = Memory::new(needed as u64 - 1).unwrap();
    refusal(server.client().export(&short, Release::LATEST));
    let exact = Memory::new(needed as u64).unwrap();
    assert_eq!(server.client().export(&exact, Release::LATEST).unwrap().len(), needed);
}

#[test]
fn an_older_release_is_written_unless_it_would_lose_what_matters() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let client = server.client();
    let sealed = client.export(&Memory::new(4096).unwrap(), Release::V1).unwrap();
    assert_eq!(Exportable::load(&sealed.map().unwrap()).unwrap().release(), Release::V1);
    client
        .write_item(Item {
            sensitive: true,
            ..Item::new("password", b"hunter2")
        })
        .unwrap();
    let failure = refusal(client.export(&Memory::new(4096).unwrap(), Release::V1));
    assert_eq!(failure, ExportFailure::Export(ExportError::Lossy { item: 1 }));
}

#[test]
fn nobody_can_change_an_export_in_any_way() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let memory = Memory::new(4096).unwrap();
    let sealed = server.client().export(&memory, Release::LATEST).unwrap();
    let before = sealed.map().unwrap().to_vec();
    let reopened = |file: &dyn std::os::fd::AsRawFd| {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::open(path, OFlags::RDWR, Mode::empty()).unwrap()
    };
    // The client's own descriptor, a second of it, and one that is made from the one that came back.
    let duplicate = memory.as_fd().try_clone_to_owned().unwrap();
    let from_sealed = reopened(&std::os::fd::AsRawFd::as_raw_fd(&sealed.as_fd()));
    for (name, file) in [
        ("own", memory.as_fd()),
        ("duplicate", duplicate.as_fd()),
        ("reopened", from_sealed.as_fd()),
    ] {
        let ways: [(&str, Result<(), Errno>); 8] = [
            ("write", rustix::io::pwrite(file, b"x", 0).map(drop)),
            ("append", rustix::io::pwrite(file, b"x", before.len() as u64).map(drop)),
            ("shrink", rustix::fs::ftruncate(file, 1)),
            ("grow", rustix::fs::ftruncate(file, 1 << 20)),
            (
                "allocate",
                rustix::fs::fallocate(file, FallocateFlags::empty(), 0, 1 << 20),
            ),
            (
                "punch",
                rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, 8),
            ),
            ("map", map_shared(file, before.len()).map(drop)),
            ("seal", rustix::fs::fcntl_add_seals(file, SealFlags::FUTURE_WRITE)),
        ];
        for (way, result) in ways {
            assert_eq!(result, Err(Errno::PERM), "{way} through {name}");
        }
    }
    // The descriptor that came back does not even have the right to try.
    rustix::io::pwrite(&sealed, b"x", 0).unwrap_err();
    rustix::fs::ftruncate(&sealed, 1).unwrap_err();
    map_shared(sealed.as_fd(), before.len()).unwrap_err();
    assert_eq!(*sealed.map().unwrap(), before[..]);
}

/// Maps memory so that it can be written; the mapping stays until the process ends.
fn map_shared(file: impl AsFd, len: usize) -> Result<*mut core::ffi::c_void, Errno> {
    // SAFETY: the kernel chooses where, and nothing is read or written through it.
    unsafe {
        rustix::mm::mmap(
            std::ptr::null_mut(),
            len,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            file,
            0,
        )
    }
}

#[test]
fn memory_that_is_mapped_for_writing_elsewhere_cannot_be_sealed() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let memory = Memory::new(4096).unwrap();
    map_shared(&memory, 4096).unwrap();
    assert_eq!(
        refusal(server.client().export(&memory, Release::LATEST)),
        ExportFailure::StillMapped
    );
    assert!(server.is_alive());
}

#[test]
fn memory_that_is_written_meanwhile_is_noticed() {
    let value = [7; 4096];
    let server = Server::start();
    let client = server.client();
    for i in 0..500 {
        client.write_item(Item::new(&format!("key{i}"), &value)).unwrap();
    }
    let noticed = (0..200).any(|_| {
        let memory = Memory::new(4 << 20).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = rustix::io::pwrite(&memory, b"malice", 1000);
                }
            });
            let result = client.export(&memory, Release::LATEST);
            stop.store(true, Ordering::Relaxed);
            match result {
                // It came too early or too late: then what was sealed is the export.
                Ok(sealed) => {
                    Exportable::load(&sealed.map().unwrap()).unwrap();
                    false
                }
                Err(ClientError::Export(ExportFailure::Modified)) => true,
                Err(other) => panic!("{other}"),
            }
        })
    });
    assert!(noticed, "a writer was never noticed");
}

#[test]
fn memory_that_is_truncated_meanwhile_harms_nobody() {
    let server = Server::with_items(&[("lamp", &[7; 4096]), ("lamp2", &[7; 4096])]);
    let client = server.client();
    for _ in 0..100 {
        let memory = Memory::new(1 << 20).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = rustix::fs::ftruncate(&memory, 1);
                    let _ = rustix::fs::ftruncate(&memory, 1 << 20);
                }
            });
            let result = client.export(&memory, Release::LATEST);
            stop.store(true, Ordering::Relaxed);
            match result {
                Ok(sealed) => drop(Exportable::load(&sealed.map().unwrap()).unwrap()),
                Err(ClientError::Export(
                    ExportFailure::Modified
                    | ExportFailure::Export(ExportError::StorageTooSmall { .. })
                    | ExportFailure::System { .. },
                )) => {}
                Err(other) => panic!("{other}"),
            }
        });
    }
    assert!(server.is_alive());
}

#[test]
fn descriptors_of_the_wrong_kind_are_refused_by_name() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let (pipe, _other_end) = rustix::pipe::pipe().unwrap();
    let (stream, _peer) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    file.set_len(4096).unwrap();
    let directory = File::open(server.directory.path()).unwrap();
    for (name, descriptor) in [
        ("a pipe", pipe.as_fd()),
        ("a socket", stream.as_fd()),
        ("a directory", directory.as_fd()),
    ] {
        assert_eq!(export_into(&server, descriptor), ExportFailure::NotMemory, "{name}");
    }
    // A file on a tmpfs knows seals, and has the one that forbids more of them.
    let failure = export_into(&server, &file);
    assert!(
        matches!(failure, ExportFailure::NotMemory | ExportFailure::AlreadySealed),
        "{failure:?}"
    );

    let unsealable = rustix::fs::memfd_create("unsealable", MemfdFlags::CLOEXEC).unwrap();
    assert_eq!(export_into(&server, &unsealable), ExportFailure::AlreadySealed);
    let sealed = Memory::new(4096).unwrap();
    rustix::fs::fcntl_add_seals(&sealed, SealFlags::WRITE).unwrap();
    assert_eq!(export_into(&server, &sealed), ExportFailure::AlreadySealed);

    let memory = Memory::new(4096).unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&memory.as_fd()));
    let read_only = rustix::fs::open(path, OFlags::RDONLY, Mode::empty()).unwrap();
    assert_eq!(export_into(&server, &read_only), ExportFailure::NotWritable);
    assert!(server.is_alive());
}

#[test]
fn requests_that_are_none_are_answered_and_hung_up_on() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let say = |packet: &[u8]| {
        let socket = server.connect();
        rustix::net::send(&socket, packet, SendFlags::empty()).unwrap();
        let reply = answer(&socket);
        assert!(answer(&socket).is_none(), "the server did not hang up");
        reply
    };
    for garbage in [
        &b"\xff\xff\xff\xff"[..],
        b"\x09",
        b"\x00\x05ab",
        &[0; MAX_PACKET + 1],
        b"\x02\x02extra",
    ] {
        assert!(
            matches!(say(garbage), Some(Reply::BadRequest(_))),
            "{:?}",
            &garbage[..2]
        );
    }
    let mut packet = [0; 64];
    let export = postcard::to_slice(&Request::Export { release: 2 }, &mut packet).unwrap();
    let socket = server.connect();
    rustix::net::send(&socket, export, SendFlags::empty()).unwrap();
    assert_eq!(answer(&socket), Some(Reply::NotExported(ExportFailure::NoMemory)));
    let socket = server.connect();
    let unknown = postcard::to_slice(&Request::Export { release: 9 }, &mut packet).unwrap();
    rustix::net::send(&socket, unknown, SendFlags::empty()).unwrap();
    assert_eq!(
        answer(&socket),
        Some(Reply::NotExported(ExportFailure::UnknownRelease { newest: 2 }))
    );
    assert!(server.is_alive());
}

#[test]
fn a_client_that_hangs_is_hung_up_on_and_holds_up_nobody() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let hanging = server.connect();
    let start = Instant::now();
    assert!(server.is_alive());
    assert!(start.elapsed() < Duration::from_secs(2), "others waited");
    assert!(answer(&hanging).is_none(), "the server waits for ever");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_client_that_is_never_silent_gives_its_place_to_one_that_waits() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("socket");
    let limits = ServerLimits {
        clients: 1,
        turn: Duration::from_millis(300),
        ..ServerLimits::default()
    };
    let listener = linux::Server::new(&path, limits).unwrap();
    // It serves for ever, so it ends with the test's process. The store lives on the stack.
    thread::Builder::new()
        .stack_size(4 * size_of::<ServedStore>())
        .spawn(move || {
            let store = RwLock::new(ServedStore::new());
            listener.run(&store)
        })
        .unwrap();
    let talker = Client::new(&path).unwrap();
    talker.get("nothing").unwrap();
    let talking = thread::spawn(move || while talker.get("nothing").is_ok() {});
    let start = Instant::now();
    Client::new(&path).unwrap().get("nothing").unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "it waited for {:?}",
        start.elapsed()
    );
    talking.join().unwrap();
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
fn huge_pages_are_refused_and_a_seal_against_executing_is_not() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let sealable = MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create("huge", sealable | MemfdFlags::HUGETLB) {
        Ok(huge) => {
            rustix::fs::ftruncate(&huge, 1 << 30).unwrap();
            assert_eq!(export_into(&server, &huge), ExportFailure::NotMemory);
        }
        Err(errno) => eprintln!("skipped: this system has no huge pages: {errno}"),
    }
    match rustix::fs::memfd_create("no code", sealable | MemfdFlags::NOEXEC_SEAL) {
        // Too small is what is found next.
        Ok(memory) => assert!(matches!(
            export_into(&server, &memory),
            ExportFailure::Export(ExportError::StorageTooSmall { available: 0, .. })
        )),
        Err(errno) => eprintln!("skipped: this system has no such seal: {errno}"),
    }
}

#[test]
fn a_hundred_clients_at_once_each_get_their_export() {
    let server = Server::with_items(&[("lamp", &[7; 4096])]);
    let server = &server;
    thread::scope(|scope| {
        for i in 0..100 {
            scope.spawn(move || {
                let client = server.client();
                client.write_item(Item::new(&format!("client{i}"), b"here")).unwrap();
                let sealed = client.export(&Memory::new(1 << 20).unwrap(), Release::LATEST).unwrap();
                let mapping = sealed.map().unwrap();
                let mut found = false;
                let own = format!("client{i}");
                Exportable::load(&mapping)
                    .unwrap()
                    .visit(&mut |item| found |= item.key == own)
                    .unwrap();
                assert!(found, "client {i} does not find its own item");
            });
        }
    });
}

#[test]
fn items_are_refused_with_the_reason() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let write = |key: &str, value: &[u8]| match server.client().write_item(Item::new(key, value)) {
        Err(ClientError::Write(error)) => Some(error),
        Ok(()) => None,
        Err(other) => panic!("{other}"),
    };
    for key in ["", "a", "1st", "lamp_", "la mp", "lämp", &"k".repeat(65)] {
        assert_eq!(write(key, b"x"), Some(WriteError::InvalidKey), "{key}");
    }
    assert_eq!(write(&"k".repeat(64), b"x"), None);
    assert_eq!(write("empty", b""), Some(WriteError::InvalidValue { len: 0 }));
    assert_eq!(write("long", &[0; 4097]), Some(WriteError::InvalidValue { len: 4097 }));
    assert_eq!(write("longest", &[0; 4096]), None);
    assert_eq!(write("lamp", b"off"), Some(WriteError::AlreadyExists));
    assert_eq!(server.client().get("lamp").unwrap().unwrap().value, b"on");
}

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
