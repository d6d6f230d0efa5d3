//! Clients that make the server wait: in system calls on their memory, and in closing what they sent.

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use devstate_kv_store_export::linux::{Client, ClientError, ExportFailure, Memory, Reply, Request, ServerLimits};
use devstate_kv_store_export::{Item, Release};
use rustix::io::Errno;
use rustix::ioctl::{Updater, ioctl};
use rustix::mm::{MapFlags, ProtFlags, UserfaultfdFlags, mmap_anonymous, userfaultfd};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;

use super::server::{Raw, Server, answer, ask_for_export, duplicate, server_in_this_process};

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
    let file = server.directory.path().join("export");
    let start = Instant::now();
    for arguments in [
        &["put", "door", "open"][..],
        &["get", "lamp"],
        &["export", file.to_str().unwrap()],
    ] {
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
    let limits = ServerLimits {
        patience: Duration::from_millis(300),
        exports: 2,
        clients: 6,
        turn: Duration::from_millis(300),
    };
    let (directory, said) = server_in_this_process(limits);
    let path = directory.path().join("socket");
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

/// A connection whose last descriptor takes half a minute to close: nobody reads what was sent, and it lingers.
fn lingering(listener: &TcpListener) -> (OwnedFd, TcpStream) {
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let peer = listener.accept().unwrap().0;
    set_socket_linger(&stream, Some(Duration::from_secs(30))).unwrap();
    stream.set_nonblocking(true).unwrap();
    while rustix::io::write(&stream, &[0; 8 << 10]) != Err(Errno::AGAIN) {}
    (stream.into(), peer)
}

#[test]
fn descriptors_whose_closing_waits_cost_no_worker() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let get = || Request::Get { key: "lamp".into() };
    let mut kept = Vec::new();
    // More than the server has workers, and no more at once than wait for it to accept them.
    for _ in 0..2 {
        // Meanwhile, so that the server's descriptors are the last ones.
        server.signal(Signal::STOP);
        for index in 0..80 {
            let socket = server.connect();
            // With a request that wants none, with one that wants another one, with garbage, and with one whose answer
            // finds nobody, so that the next is never read.
            let requests = if index % 4 == 3 { 2 } else { 1 };
            for _ in 0..requests {
                let (descriptor, peer) = lingering(&listener);
                let one = [descriptor.as_fd()];
                match index % 4 {
                    1 => ask_for_export(&socket, 2, &one),
                    2 => socket.send(&Raw(b"\xff\xff\xff\xff"), &one).unwrap(),
                    _ => socket.send(&get(), &one).unwrap(),
                }
                kept.push(peer);
            }
        }
        server.signal(Signal::CONT);
        thread::sleep(Duration::from_millis(500));
    }
    let start = Instant::now();
    for _ in 0..10 {
        assert_eq!(server.run(&["get", "lamp"]).1, "on");
    }
    assert!(start.elapsed() < SOON, "they waited for {:?}", start.elapsed());
}
