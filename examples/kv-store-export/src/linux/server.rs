//! The server: a store behind a socket.
//!
//! All threads are made when it starts. A worker serves one client at a time. What a client can hold up, which is a system
//! call on its memory and the closing of what it sent, holds up one thread and no lock of the store.

use core::convert::Infallible;
use std::format;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use devstate_memfd::Sealed;
use devstate_socket::packets::{Closer, PacketError, Received};
use devstate_socket::{ListenError, Listener, PeerError, check_peer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::exports::Exports;
use super::fill::fill;
use super::protocol::{ExportFailure, Reply, Request, Socket};
use crate::{ExportError, Item, Mark, Release, Store};

/// The store that a server has: up to 100,000 items, whose values take up to 128 MiB.
pub type ServedStore = Store<100_000, { 128 << 20 }>;

/// Threads that close what came from clients.
const CLOSERS: usize = 32;

/// How often the server looks for what hangs.
const WATCH: Duration = Duration::from_secs(1);

/// What clients may ask of a server.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// How long a client may be silent before it is hung up on, and how long it may take to accept an answer.
    pub patience: Duration,
    /// How many clients are served at once; others wait.
    pub clients: usize,
    /// How many of them export at once. Others wait, and are refused if none of these ends in time.
    pub exports: usize,
    /// How long a client is served while others wait. Without that, one that is never quite silent would keep its place
    /// for ever.
    pub turn: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(2),
            clients: 128,
            exports: 64,
            turn: Duration::from_secs(10),
        }
    }
}

/// A server that listens on a socket in the file system.
#[derive(Debug)]
pub struct Server {
    listener: Listener<OwnedFd>,
    limits: ServerLimits,
}

/// What the threads of a server share.
struct Shared<'s> {
    listener: &'s Listener<OwnedFd>,
    limits: ServerLimits,
    store: &'s RwLock<ServedStore>,
    exports: Exports,
    closer: Closer,
}

impl Server {
    /// Listens at `path`. A socket that a server left there is replaced; anything else is not.
    ///
    /// # Errors
    ///
    /// [`ListenError`].
    pub fn new(path: &Path, limits: ServerLimits) -> Result<Self, ListenError> {
        let listener = Listener::seqpacket(path)?;
        Ok(Self { listener, limits })
    }

    /// Serves `store` for ever, as many clients at once as there are threads for. Calls `say` with a sentence where something
    /// hangs, or there are fewer threads than there were to be.
    ///
    /// # Errors
    ///
    /// What the system says where there is no thread at all.
    pub fn run(&self, store: &RwLock<ServedStore>, say: &dyn Fn(&str)) -> io::Result<Infallible> {
        let shared = &Shared {
            listener: &self.listener,
            limits: self.limits,
            store,
            exports: Exports::new(self.limits.exports.max(1)),
            closer: Closer::default(),
        };
        thread::scope(|scope| {
            let spawn = |run: fn(&Shared<'_>) -> Infallible| {
                let thread = thread::Builder::new();
                thread.spawn_scoped(scope, move || match run(shared) {}).map(drop)
            };
            // Without the first one there is no server; after it nothing can be given up any more.
            spawn(|shared| shared.closer.run())?;
            let workers = self.limits.clients.max(1);
            let (mut spawned, mut error) = (0, None);
            while spawned < workers && error.is_none() {
                match spawn(|shared| match shared.work() {}) {
                    Ok(()) => spawned += 1,
                    Err(reason) => error = Some(reason),
                }
            }
            if let Some(error) = error {
                say(&format!(
                    "no more than {} clients are served at once: {error}",
                    spawned.max(1)
                ));
            }
            if spawned == 0 {
                match shared.work() {}
            }
            // Those that there are close everything.
            let _ = (1..CLOSERS).try_for_each(|_| spawn(|shared| shared.closer.run()));
            match shared.watch(say) {}
        })
    }
}

impl Shared<'_> {
    /// Serves one client after the other.
    fn work(&self) -> Infallible {
        loop {
            match Socket::accept(self.listener) {
                Ok(client) => {
                    // A client that goes away, or hangs, is its own affair.
                    let _ = self.serve(&client);
                    self.closer.close([client.into()]);
                }
                // Out of descriptors, or of memory: it gets better.
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Says what hangs.
    fn watch(&self, say: &dyn Fn(&str)) -> Infallible {
        let mut waited = 0;
        loop {
            thread::sleep(WATCH);
            if let (1.., all) = self.exports.overdue(self.limits.turn) {
                let limits = self.limits;
                say(&format!(
                    "{all} of {} exports at most hang for {:?} in system calls on their clients' memory, each with its worker",
                    limits.exports, limits.turn
                ));
            }
            let waiting = self.closer.waiting();
            if waiting > waited {
                say(&format!("{waiting} descriptors of clients wait to be closed"));
            }
            waited = waiting;
        }
    }

    /// Returns whether a client waits for a worker, where all have one.
    fn is_wanted(&self) -> bool {
        let mut waiting = [PollFd::new(self.listener, PollFlags::IN)];
        poll(&mut waiting, Some(&Timespec::default())) == Ok(1)
    }

    /// Answers one client until it goes away, or until its turn is over and another one waits.
    fn serve(&self, client: &Socket) -> Result<(), PacketError> {
        let limits = self.limits;
        client.set_patience(limits.patience)?;
        if let Err(error) = check_peer(client) {
            let refusal = match error {
                PeerError::Stranger { user, .. } => format!("it serves its own user only, not user {user}"),
                error => format!("{error}"),
            };
            return client.send(&Reply::BadRequest(refusal), &[]);
        }
        let since = Instant::now();
        let mut asked = None;
        while !(since.elapsed() > limits.turn && self.is_wanted()) {
            let Received {
                message,
                mut descriptors,
            } = client.receive();
            let answered = match message {
                Ok(Request::Export { release }) => {
                    let exported = self.export(release, descriptors.first(), &mut asked);
                    let sent = match &exported {
                        Ok(sealed) => client.send(&Reply::Exported, &[sealed.as_fd()]),
                        Err(failure) => client.send(&Reply::NotExported(*failure), &[]),
                    };
                    descriptors.extend(exported.map(OwnedFd::from));
                    sent
                }
                Ok(request) => client.send(&self.answer(request), &[]),
                // The client is told what is wrong with its packet, and then hung up on.
                Err(error @ (PacketError::TooLong { .. } | PacketError::Garbage | PacketError::LostDescriptors)) => {
                    client.send(&Reply::BadRequest(format!("{error}")), &[]).and(Err(error))
                }
                Err(error) => Err(error),
            };
            self.closer.close(descriptors);
            answered?;
        }
        Ok(())
    }

    /// Answers a request that is about items.
    fn answer(&self, request: Request) -> Reply {
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
                let written = self
                    .store
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .write_item(item);
                written.map_or_else(Reply::NotWritten, |()| Reply::Written)
            }
            Request::Get { key } => match self.store.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
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
            },
            Request::Export { .. } => Reply::NotExported(ExportFailure::NoMemory),
        }
    }

    /// Exports what there is, or, where the memory is too small for that, what there was when this client was last told how
    /// much it takes: so a client that comes back with that much is never too late.
    fn export(
        &self,
        release: u16,
        memory: Option<&OwnedFd>,
        asked: &mut Option<Mark>,
    ) -> Result<Sealed, ExportFailure> {
        let mark = self.store.read().unwrap_or_else(PoisonError::into_inner).mark();
        // First of all, whatever else is wrong with the request.
        if mark.is_empty() {
            return Err(ExportError::Empty.into());
        }
        let Some(release) = Release::from_number(release) else {
            return Err(ExportFailure::UnknownRelease {
                newest: Release::LATEST.number(),
            });
        };
        let memory = memory.ok_or(ExportFailure::NoMemory)?;
        let _under_way = self.exports.begin(self.limits.patience).ok_or(ExportFailure::Busy)?;
        let is_too_small = |failure: &_| matches!(failure, ExportFailure::Export(ExportError::StorageTooSmall { .. }));
        match fill(self.store, &mark, release, memory) {
            Err(failure) if is_too_small(&failure) => {
                let then = asked.replace(mark).map(|then| fill(self.store, &then, release, memory));
                match then {
                    Some(Err(then)) if !is_too_small(&then) => Err(then),
                    Some(Ok(sealed)) => Ok(sealed),
                    _ => Err(failure),
                }
            }
            filled => filled,
        }
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
