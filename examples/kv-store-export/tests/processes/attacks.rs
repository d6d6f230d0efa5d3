//! Clients that make the server wait in system calls on their memory, that send anything, or are many. What else clients can do is
//! tried in `devstate-socket`.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{RwLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use devstate_kv_store_export::linux::{
    self, Client, ClientError, ExportFailure, Limits, MAX_PACKET, Memory, Reply, ServedStore,
};
use devstate_kv_store_export::{Exportable, Item, Release};
use rustix::ioctl::{Updater, ioctl};
use rustix::mm::{MapFlags, ProtFlags, UserfaultfdFlags, mmap_anonymous, userfaultfd};
use tempfile::TempDir;

use super::server::{Raw, Server, answer, ask_for_export, duplicate};

/// Long enough for anything that does not wait for a hostile client.
const SOON: Duration = Duration::from_secs(5);

/// Memory whose lock is held: a thread writes to it, from a page that does not come.
struct Held {
    memory: Memory,
    /// Answers for the page, never. Without it the page is one of zeros.
    faults: Option<OwnedFd>,
    writer: Option<JoinHandle<()>>,
}

impl Held {
    /// Returns `None`, and says so, where the system does not let this process handle page faults.
    fn new(len: u64) -> Option<Self> {
        const PAGE: usize = 1 << 16;
        // `UFFDIO_API` and `UFFDIO_REGISTER` with their structures: the version, and missing pages of a range.
        const API: u32 = 0xc018_aa3f;
        const REGISTER: u32 = 0xc020_aa00;
        // SAFETY: nothing but the page below is ever registered, and only one system call reads it.
        let faults = match unsafe { userfaultfd(UserfaultfdFlags::CLOEXEC) } {
            Ok(faults) => faults,
            Err(errno) => {
                eprintln!("skipped: page faults cannot be handled here: {errno}");
                return None;
            }
        };
        // SAFETY: the kernel chooses where. The page stays until the process ends.
        let page = unsafe {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            mmap_anonymous(std::ptr::null_mut(), PAGE, access, MapFlags::PRIVATE).unwrap() as usize
        };
        let mut api = [0xaa_u64, 0, 0];
        let mut register = [page as u64, PAGE as u64, 1, 0];
        // SAFETY: these are the structures that the calls take, and the range is a mapping of our own.
        unsafe {
            ioctl(&faults, Updater::<API, _>::new(&mut api)).unwrap();
            ioctl(&faults, Updater::<REGISTER, _>::new(&mut register)).unwrap();
        }
        let memory = Memory::allocated(len).unwrap();
        let own = duplicate(&memory);
        let writer = thread::spawn(move || {
            // SAFETY: the page is mapped, and nobody writes to it.
            let bytes = unsafe { std::slice::from_raw_parts(page as *const u8, 16) };
            let _ = rustix::io::pwrite(&own, bytes, 0);
        });
        let is_held = || {
            let own = duplicate(&memory);
            let (sender, freed) = mpsc::channel();
            thread::spawn(move || sender.send(rustix::fs::ftruncate(&own, len)));
            freed.recv_timeout(Duration::from_millis(100)).is_err()
        };
        let start = Instant::now();
        while !is_held() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "the lock of the memory is not held"
            );
            thread::sleep(Duration::from_millis(10));
        }
        Some(Self {
            memory,
            faults: Some(faults),
            writer: Some(writer),
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.faults.take());
        let _ = self.writer.take().unwrap().join();
    }
}

#[test]
fn a_client_that_holds_the_lock_of_its_memory_holds_up_nobody_else() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let Some(held) = Held::new(1 << 20) else { return };
    let hanging: Vec<_> = (0..5)
        .map(|_| {
            let socket = server.connect();
            ask_for_export(&socket, 2, &[held.memory.as_fd()]);
            socket
        })
        .collect();
    thread::sleep(Duration::from_millis(300));
    let file: &str = &server.path("export");
    let start = Instant::now();
    for arguments in [&["put", "door", "open"][..], &["get", "lamp"], &["export", file]] {
        let (success, _, errors) = server.run(arguments);
        assert!(success, "{arguments:?}: {errors}");
    }
    assert!(start.elapsed() < SOON, "they waited for {:?}", start.elapsed());
    drop(held);
    // Nothing of it stays.
    for socket in &hanging {
        assert!(matches!(answer(socket), Some(Reply::Exported | Reply::NotExported(_))));
    }
    assert!(server.is_alive());
}

#[test]
fn exports_that_hang_are_bounded_and_reported_and_leave_the_rest_alone() {
    let short = Duration::from_millis(300);
    let limits = Limits::DEFAULT.with_patience(short).with_turn(short).with_clients(6);
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("socket");
    let server = linux::Server::new(&path, limits, 2).unwrap();
    let (sender, said) = mpsc::channel();
    // It serves for ever, so it ends with the test's process. The store lives on the stack.
    let serve = move || {
        let store = RwLock::new(ServedStore::new());
        let _ = server.run(&store, &|what| drop(sender.send(what.to_owned())));
    };
    let stack = 4 * size_of::<ServedStore>();
    thread::Builder::new().stack_size(stack).spawn(serve).unwrap();
    let client = Client::new(&path).unwrap();
    client.write_item(Item::new("lamp", b"on")).unwrap();
    let Some(held) = Held::new(1 << 20) else { return };
    let hang = || {
        let client = Client::new(&path).unwrap();
        let memory = duplicate(&held.memory);
        thread::spawn(move || client.export(Memory::from(memory), Release::LATEST).map(drop))
    };
    let hanging = [hang(), hang()];
    let report = said.recv_timeout(SOON).unwrap();
    assert!(report.contains("of 2 exports at most hang"), "{report}");
    match client.export_within(1 << 20, Release::LATEST) {
        Err(ClientError::Export(ExportFailure::Busy)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(client.get("lamp").unwrap().unwrap().value, b"on");
    client.write_item(Item::new("door", b"open")).unwrap();
    drop(held);
    for hung in hanging {
        let _ = hung.join().unwrap();
    }
    client.export_within(1 << 20, Release::LATEST).unwrap();
}

#[test]
fn requests_that_are_none_are_answered_and_hung_up_on() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let say = |packet: &[u8]| {
        let socket = server.connect();
        socket.send(&Raw(packet), &[]).unwrap();
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
    let socket = server.connect();
    ask_for_export(&socket, 2, &[]);
    assert_eq!(answer(&socket), Some(Reply::NotExported(ExportFailure::NoMemory)));
    let socket = server.connect();
    ask_for_export(&socket, 9, &[]);
    assert_eq!(
        answer(&socket),
        Some(Reply::NotExported(ExportFailure::UnknownRelease { newest: 2 }))
    );
    assert!(server.is_alive());
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
                let sealed = client
                    .export(Memory::allocated(1 << 20).unwrap(), Release::LATEST)
                    .unwrap();
                let export = sealed.to_vec().unwrap();
                let mut found = false;
                let own = format!("client{i}");
                Exportable::load(&export)
                    .unwrap()
                    .visit(&mut |item| found |= item.key == own)
                    .unwrap();
                assert!(found, "client {i} does not find its own item");
            });
        }
    });
}

#[test]
fn nothing_of_a_client_stays_in_the_server() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let before = server.descriptors();
    for _ in 0..20 {
        let memory = Memory::allocated(4096).unwrap();
        let one = [memory.as_fd()];
        // It does not wait for its answer.
        ask_for_export(&server.connect(), 2, &one);
        // Descriptors with a request that wants none, with garbage, and far too many of them.
        for packet in [&b"\x01\x04lamp"[..], b"\xff\xff\xff\xff"] {
            server.connect().send(&Raw(packet), &one).unwrap();
        }
        ask_for_export(&server.connect(), 2, &[memory.as_fd(); 8]);
        let too_long = [0; MAX_PACKET + 1];
        server.connect().send(&Raw(&too_long), &[memory.as_fd(); 8]).unwrap();
    }
    let start = Instant::now();
    while server.descriptors() > before {
        let now = server.descriptors();
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{before} descriptors have become {now}"
        );
        thread::sleep(Duration::from_millis(10));
    }
    assert!(server.is_alive());
}
