//! The client: it makes the memory, sends it, checks what comes back, and forwards it undecoded.

use core::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::string::String;
use std::time::Duration;

use devstate_memfd::{Memory, Sealed, SealedError};
use devstate_socket::PeerError;
use devstate_socket::packets::{self, PacketError};
use devstate_versioning::{Header, LoadError};

use super::protocol::{ExportFailure, MAX_PACKET, Reply, Request, Value};
use crate::{ExportError, Item, Release, WriteError};

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often an export is asked for, with as much memory as the server said. The second time should do.
const ATTEMPTS: usize = 4;

/// A connection to a server. It connects again where the server has hung up, as it does on a client that was silent for long.
#[derive(Debug)]
pub struct Client(packets::Client<MAX_PACKET>);

/// Why a request failed.
#[derive(Debug)]
pub enum ClientError {
    /// There was no answer, or none that says anything.
    Connection(String),
    /// The server is another user's.
    Stranger {
        /// That user.
        user: u32,
    },
    /// The server did not take the request as one.
    BadRequest(String),
    /// The export is longer than it may be.
    BeyondLimit {
        /// Bytes that it takes.
        needed: usize,
        /// Bytes that it may take.
        limit: usize,
    },
    /// The server asked for another amount of memory each time.
    AlwaysMore {
        /// How often it was asked.
        attempts: usize,
        /// Bytes that it asked for last.
        needed: usize,
    },
    /// The item was not written.
    Write(WriteError),
    /// Nothing was exported.
    Export(ExportFailure),
    /// Memory cannot be made, or what came back could still change.
    Memory(SealedError),
    /// What came back is no export.
    Content(LoadError),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(what) => write!(f, "server: {what}"),
            Self::Stranger { user } => write!(f, "the server is user {user}'s, and neither yours nor root's"),
            Self::BadRequest(what) => write!(f, "the server refused the request: {}", what.escape_debug()),
            Self::BeyondLimit { needed, limit } => {
                write!(f, "the export takes {needed} bytes, and {limit} were to be enough")
            }
            Self::AlwaysMore { attempts, needed } => write!(
                f,
                "the server asked for more memory {attempts} times, for {needed} bytes last"
            ),
            Self::Write(error) => error.fmt(f),
            Self::Export(failure) => failure.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::Content(error) => write!(f, "the memory that came back is no export: {error}"),
        }
    }
}

impl core::error::Error for ClientError {}

impl From<PacketError> for ClientError {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::Peer(PeerError::Stranger { user, .. }) => Self::Stranger { user },
            error => Self::Connection(std::format!("{error}")),
        }
    }
}

impl From<SealedError> for ClientError {
    fn from(error: SealedError) -> Self {
        Self::Memory(error)
    }
}

/// Why nothing was exported, and the memory that was given for it, if it is as it was: of the same size, with the same seals.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: ClientError,
    /// The memory.
    pub memory: Option<Memory>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for Refused {}

impl Client {
    /// Connects to the server that listens at `path`, if it is one of this process's user, or of root.
    ///
    /// # Errors
    ///
    /// `Connection`, `Stranger`.
    pub fn new(path: &Path) -> Result<Self, ClientError> {
        Ok(Self(packets::Client::connect(path, PATIENCE)?))
    }

    /// Writes an item; one whose time is 0 is written now.
    ///
    /// # Errors
    ///
    /// `Write` where the store refuses it, `Connection`.
    pub fn write_item(&self, item: Item<'_>) -> Result<(), ClientError> {
        let Item {
            key,
            value,
            sensitive,
            written,
        } = item;
        let written = Some(written).filter(|written| *written != 0);
        let request = Request::WriteItem {
            key: key.into(),
            value: value.into(),
            sensitive,
            written,
        };
        match self.ask(&request, &[])? {
            (Reply::Written, _) => Ok(()),
            (Reply::NotWritten(error), _) => Err(ClientError::Write(error)),
            (reply, _) => Err(unexpected(reply)),
        }
    }

    /// The item with that key, if there is one.
    ///
    /// # Errors
    ///
    /// `Connection`.
    pub fn get(&self, key: &str) -> Result<Option<Value>, ClientError> {
        match self.ask(&Request::Get { key: key.into() }, &[])? {
            (Reply::Item(value), _) => Ok(Some(value)),
            (Reply::NoSuchItem, _) => Ok(None),
            (reply, _) => Err(unexpected(reply)),
        }
    }

    /// Has the server export everything into memory that this process makes and pays for, exactly as much as it takes:
    /// asks without any, learns how much it would be, and asks again. The server then exports what there was the first time,
    /// however much came in between. Sizes beyond `limit` bytes are not made, and not taken, whatever the server says.
    ///
    /// # Errors
    ///
    /// `BeyondLimit`, `AlwaysMore`; `Export`, `Memory` and `Connection` as for [`export`](Self::export).
    pub fn export_within(&self, limit: usize, release: Release) -> Result<Sealed, ClientError> {
        let mut memory = Memory::new(0).map_err(SealedError::System)?;
        let mut last = 0;
        for _ in 0..ATTEMPTS {
            let refusal = match self.export(memory, release) {
                // It may be memory that the server made.
                Ok(sealed) if sealed.len() > limit => {
                    let needed = sealed.len();
                    return Err(ClientError::BeyondLimit { needed, limit });
                }
                Ok(sealed) => return Ok(sealed),
                Err(refusal) => refusal.error,
            };
            let ClientError::Export(ExportFailure::Export(ExportError::StorageTooSmall { needed, .. })) = refusal
            else {
                return Err(refusal);
            };
            if needed > limit {
                return Err(ClientError::BeyondLimit { needed, limit });
            }
            memory = Memory::allocated(needed as u64).map_err(SealedError::System)?;
            last = needed;
        }
        Err(ClientError::AlwaysMore {
            attempts: ATTEMPTS,
            needed: last,
        })
    }

    /// Has the server export everything into `memory`, and checks that what comes back can never change and starts like
    /// an export of that release and of exactly that size.
    ///
    /// The memory is given away: what comes back can only be read.
    ///
    /// # Errors
    ///
    /// [`Refused`], with the memory where it is as it was. `Export` where the server refuses, `Memory` where what came
    /// back is not what was promised, `Connection`.
    pub fn export(&self, memory: Memory, release: Release) -> Result<Sealed, Refused> {
        self.export_into(&memory, release).map_err(|error| Refused {
            // Without an answer the server may be filling it still. With one, what it says is looked at.
            memory: match error {
                ClientError::Export(_) if memory.is_unchanged() => Some(memory),
                _ => None,
            },
            error,
        })
    }

    fn export_into(&self, memory: &Memory, release: Release) -> Result<Sealed, ClientError> {
        let request = Request::Export {
            release: release.number(),
        };
        let sealed = match self.ask(&request, &[memory.as_fd()])? {
            (Reply::Exported, Some(descriptor)) => Sealed::new(descriptor)?,
            (Reply::NotExported(failure), _) => return Err(ClientError::Export(failure)),
            (reply, _) => return Err(unexpected(reply)),
        };
        let mut start = [0; Header::LEN];
        let len = sealed.as_file().read_at(&mut start, 0).map_err(SealedError::System)?;
        let header = Header::peek(start.get(..len).unwrap_or_default()).map_err(ClientError::Content)?;
        if header.snapshot_len() != sealed.len() || header.release != release.number() {
            return Err(ClientError::Connection(
                "it exported something else than was asked for".into(),
            ));
        }
        Ok(sealed)
    }

    fn ask(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> Result<(Reply, Option<OwnedFd>), ClientError> {
        let (reply, descriptors) = self.0.ask(request, descriptors)?;
        Ok((reply, descriptors.into_iter().next()))
    }
}

fn unexpected(reply: Reply) -> ClientError {
    match reply {
        Reply::BadRequest(what) => ClientError::BadRequest(what),
        reply => ClientError::Connection(std::format!("an answer to another question: {reply:?}")),
    }
}
