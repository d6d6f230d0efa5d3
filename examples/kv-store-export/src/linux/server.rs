//! The server: a store behind a socket.
//!
//! A client can hold up system calls on its memory, and the closing of what it sent. That holds up one thread, and no lock of the
//! store.

use core::cell::Cell;
use core::convert::Infallible;
use std::format;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use devstate_memfd::Sealed;
use devstate_socket::packets::{Limits, PacketError, Report, Service};
use devstate_socket::{ListenError, Listener, PeerError, packets};

use super::exports::Exports;
use super::fill::fill;
use super::protocol::{ExportFailure, MAX_PACKET, Reply, Request, Value};
use crate::{ExportError, Item, Mark, Release, Store};

/// The store that a server has: up to 100,000 items, whose values take up to 128 MiB.
pub type ServedStore = Store<100_000, { 128 << 20 }>;

/// A server that listens on a socket in the file system.
#[derive(Debug)]
pub struct Server {
    packets: packets::Server<MAX_PACKET>,
    limits: Limits,
    exports: usize,
}

impl Server {
    /// Listens at `path`. A socket that a server left there is replaced; anything else is not. As many as `exports` clients export
    /// at once. Others wait, and are refused if none of these ends in time.
    ///
    /// # Errors
    ///
    /// [`ListenError`].
    pub fn new(path: &Path, limits: Limits, exports: usize) -> Result<Self, ListenError> {
        Ok(Self {
            packets: packets::Server::new(Listener::seqpacket(path)?, limits),
            limits,
            exports: exports.max(1),
        })
    }

    /// Serves `store` for ever, as many clients at once as there are threads for. Calls `say` with a sentence where something
    /// hangs, or there are fewer threads than there were to be.
    ///
    /// # Errors
    ///
    /// What the system says where there is no thread at all.
    pub fn run(&self, store: &RwLock<ServedStore>, say: &dyn Fn(&str)) -> io::Result<Infallible> {
        let exporter = Exporter {
            store,
            limits: self.limits,
            exports: Exports::new(self.exports),
        };
        let (hung, waited) = (Cell::new(0), Cell::new(0));
        self.packets.run(&exporter, &|report| match report {
            Report::FewerClients { clients, error } => {
                say(&format!("no more than {clients} clients are served at once: {error}"));
            }
            Report::Waiting { descriptors } => {
                let overdue = exporter.exports.overdue(self.limits.turn);
                if overdue > hung.replace(overdue) {
                    say(&format!(
                        "{overdue} of {} exports at most hang for {:?} in system calls on their clients' memory, each with its worker",
                        self.exports, self.limits.turn
                    ));
                }
                if descriptors > waited.replace(descriptors) {
                    say(&format!("{descriptors} descriptors of clients wait to be closed"));
                }
            }
            _ => {}
        })
    }
}

/// What the threads of a server share.
struct Exporter<'s> {
    store: &'s RwLock<ServedStore>,
    limits: Limits,
    exports: Exports,
}

impl Service for Exporter<'_> {
    type Request = Request;
    type Answer = Reply;
    /// What there was when this client was last told how much memory an export takes.
    type Client = Option<Mark>;

    fn answer(&self, asked: &mut Option<Mark>, request: Request, descriptors: &[OwnedFd]) -> (Reply, Option<OwnedFd>) {
        let reply = match request {
            Request::Export { release } => {
                return match self.export(release, descriptors.first(), asked) {
                    Ok(sealed) => (Reply::Exported, Some(sealed.into())),
                    Err(failure) => (Reply::NotExported(failure), None),
                };
            }
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
                let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
                store
                    .write_item(item)
                    .map_or_else(Reply::NotWritten, |()| Reply::Written)
            }
            Request::Get { key } => self.read().get(&key).map_or(Reply::NoSuchItem, |item| {
                Reply::Item(Value {
                    value: item.value.to_vec(),
                    sensitive: item.sensitive,
                    written: item.written,
                })
            }),
        };
        (reply, None)
    }

    fn refuse(&self, error: &PacketError) -> Reply {
        Reply::BadRequest(match error {
            PacketError::Peer(PeerError::Stranger { user, .. }) => {
                format!("it serves its own user only, not user {user}")
            }
            error => format!("{error}"),
        })
    }
}

impl Exporter<'_> {
    fn read(&self) -> RwLockReadGuard<'_, ServedStore> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Exports what there is, or, where the memory is too small for that, what there was when this client was last told how
    /// much it takes: so a client that comes back with that much is never too late.
    fn export(
        &self,
        release: u16,
        memory: Option<&OwnedFd>,
        asked: &mut Option<Mark>,
    ) -> Result<Sealed, ExportFailure> {
        let mark = self.read().mark();
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
