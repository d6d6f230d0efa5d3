//! The server: a store behind a socket.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen, socket_with};

use super::memory::fill;
use super::protocol::{ExportFailure, PacketError, Reply, Request, receive, send};
use crate::{ExportError, Item, Release, Store};

/// The store that a server has: up to 100,000 items, whose values take up to 128 MiB.
pub type ServedStore = Store<100_000, { 128 << 20 }>;

/// What one client may ask of a server.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// How long a client may be silent before it is hung up on, and how long it may take to accept an answer.
    pub patience: Duration,
    /// How many clients are served at once; others wait.
    pub clients: usize,
    /// How long a client is served while others wait. Without that, one that is never quite silent would keep its place
    /// for ever.
    pub turn: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(2),
            clients: 128,
            turn: Duration::from_secs(10),
        }
    }
}

/// A server that listens on a socket in the file system.
#[derive(Debug)]
pub struct Server {
    socket: OwnedFd,
    path: PathBuf,
    limits: ServerLimits,
}

impl Server {
    /// Listens at `path`. A socket that a server left there is replaced; anything else is not.
    ///
    /// # Errors
    ///
    /// What the system says, `AddrInUse` where something else lies at `path`.
    pub fn new(path: &Path, limits: ServerLimits) -> io::Result<Self> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let address = SocketAddrUnix::new(path)?;
        remove_stale_socket(path, &address)?;
        bind(&socket, &address)?;
        listen(&socket, 128)?;
        Ok(Self {
            socket,
            path: path.into(),
            limits,
        })
    }

    /// Serves `store` for ever, each client in a thread of its own.
    ///
    /// # Errors
    ///
    /// What the system says when it can accept no more clients.
    pub fn run(&self, store: &RwLock<ServedStore>) -> io::Result<()> {
        let places = Places::new(self.limits.clients);
        thread::scope(|scope| {
            loop {
                let client = match accept_with(&self.socket, SocketFlags::CLOEXEC) {
                    Ok(client) => client,
                    Err(Errno::CONNABORTED | Errno::INTR) => continue,
                    Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS) => {
                        thread::sleep(Duration::from_millis(10));
                        continue;
                    }
                    Err(errno) => return Err(errno.into()),
                };
                let place = places.take();
                let limits = self.limits;
                // A system that has no more threads hangs up on this client; the others are served on.
                let _ = thread::Builder::new().spawn_scoped(scope, move || {
                    // A client that goes away, or hangs, is its own affair.
                    let _ = serve(&client, store, limits, &place);
                });
            }
        })
    }
}

/// The places at which clients are served.
struct Places {
    free: Mutex<usize>,
    given_back: Condvar,
    /// A client waits for a place.
    wanted: AtomicBool,
}

/// One of them, given back when it is dropped, whatever happened to its client's thread.
struct Place<'p>(&'p Places);

impl Places {
    fn new(count: usize) -> Self {
        Self {
            free: Mutex::new(count.max(1)),
            given_back: Condvar::new(),
            wanted: AtomicBool::new(false),
        }
    }

    /// Waits until there is one.
    fn take(&self) -> Place<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            self.wanted.store(true, Ordering::Relaxed);
            free = self.given_back.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        self.wanted.store(false, Ordering::Relaxed);
        *free -= 1;
        Place(self)
    }
}

impl Place<'_> {
    fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::Relaxed)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.given_back.notify_one();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody can do anything about it if this fails, and the next server replaces the socket.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes the socket of a server that is gone. One that answers stays, and so does every other kind of file.
fn remove_stale_socket(path: &Path, address: &SocketAddrUnix) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;

    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            // Without waiting: a server that is busy is one that is there.
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let probe = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
            match rustix::net::connect(&probe, address) {
                Err(Errno::CONNREFUSED) => fs::remove_file(path),
                _ => Err(Errno::ADDRINUSE.into()),
            }
        }
        Ok(_) => Err(Errno::ADDRINUSE.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Answers one client until it goes away, or until its turn is over and another one waits.
fn serve(
    client: &OwnedFd,
    store: &RwLock<ServedStore>,
    limits: ServerLimits,
    place: &Place<'_>,
) -> Result<(), PacketError> {
    set_socket_timeout(client, Timeout::Recv, Some(limits.patience))?;
    set_socket_timeout(client, Timeout::Send, Some(limits.patience))?;
    let since = Instant::now();
    while !(place.is_wanted() && since.elapsed() > limits.turn) {
        let (request, descriptor) = match receive(client) {
            Ok(received) => received,
            Err(error) => {
                if let Some(reply) = error.reply() {
                    send(client, &reply, None)?;
                }
                return Err(error);
            }
        };
        match request {
            Request::WriteItem {
                key,
                value,
                sensitive,
                written,
            } => {
                let item = Item {
                    key: &key,
                    value: &value,
                    sensitive,
                    written: written.unwrap_or_else(now),
                };
                let written = store.write().unwrap_or_else(PoisonError::into_inner).write_item(item);
                send(
                    client,
                    &written.map_or_else(Reply::NotWritten, |()| Reply::Written),
                    None,
                )?;
            }
            Request::Get { key } => {
                let reply = match store.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
                    Some(Item {
                        value,
                        sensitive,
                        written,
                        ..
                    }) => Reply::Item {
                        value: value.to_vec(),
                        sensitive,
                        written,
                    },
                    None => Reply::NoSuchItem,
                };
                send(client, &reply, None)?;
            }
            Request::Export { release } => match export(store, release, descriptor) {
                Ok(sealed) => {
                    send(client, &Reply::Exported, Some(sealed.as_fd()))?;
                }
                Err(failure) => send(client, &Reply::NotExported(failure), None)?,
            },
        }
    }
    Ok(())
}

fn export(
    store: &RwLock<ServedStore>,
    release: u16,
    descriptor: Option<OwnedFd>,
) -> Result<super::Sealed, ExportFailure> {
    let store = store.read().unwrap_or_else(PoisonError::into_inner);
    // First of all, whatever else is wrong with the request.
    if store.is_empty() {
        return Err(ExportError::Empty.into());
    }
    let Some(release) = Release::from_number(release) else {
        return Err(ExportFailure::UnknownRelease {
            newest: Release::LATEST.number(),
        });
    };
    let memory = descriptor.ok_or(ExportFailure::NoMemory)?;
    fill(&store, release, &memory)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
