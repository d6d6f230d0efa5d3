//! The client: it makes the memory, sends it, checks what comes back, and forwards it undecoded.

use core::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::string::String;
use std::time::Duration;
use std::vec::Vec;

use devstate_versioning::Header;
use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::memory::{Memory, MemoryError, Sealed};
use super::protocol::{ExportFailure, PacketError, Reply, Request, receive, send};
use crate::{ExportError, Item, Release, WriteError};

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that are forwarded at a time, so that progress can be shown.
const CHUNK: usize = 16 << 20;

/// How often an export is asked for, with more memory each time, while the store grows in between.
const ATTEMPTS: usize = 8;

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
}

/// Why a request failed.
#[derive(Debug)]
pub enum ClientError {
    /// There was no answer, or none that says anything.
    Connection(String),
    /// The server did not take the request as one.
    BadRequest(String),
    /// The item was not written.
    Write(WriteError),
    /// Nothing was exported.
    Export(ExportFailure),
    /// What came back is not what was promised.
    Memory(MemoryError),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(what) => write!(f, "server: {what}"),
            Self::BadRequest(what) => write!(f, "the server refused the request: {what}"),
            Self::Write(error) => error.fmt(f),
            Self::Export(failure) => failure.fmt(f),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ClientError {}

impl From<PacketError> for ClientError {
    fn from(error: PacketError) -> Self {
        Self::Connection(std::format!("{error}"))
    }
}

impl From<Errno> for ClientError {
    fn from(errno: Errno) -> Self {
        Self::Connection(std::format!("{errno}"))
    }
}

impl From<ExportFailure> for ClientError {
    fn from(failure: ExportFailure) -> Self {
        Self::Export(failure)
    }
}

impl From<MemoryError> for ClientError {
    fn from(error: MemoryError) -> Self {
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

/// An item as the server gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The value.
    pub value: Vec<u8>,
    /// Not to be shown unless asked for.
    pub sensitive: bool,
    /// When it was written, in seconds since 1970.
    pub written: u64,
}

impl Client {
    /// Connects to the server that listens at `path`.
    ///
    /// # Errors
    ///
    /// `Connection`.
    pub fn new(path: &Path) -> Result<Self, ClientError> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        // For sending it is also how long connecting may take, to a server that accepts nobody.
        set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(Self { socket })
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
        match self.ask(&request, None)? {
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
        match self.ask(&Request::Get { key: key.into() }, None)? {
            (
                Reply::Item {
                    value,
                    sensitive,
                    written,
                },
                _,
            ) => Ok(Some(Value {
                value,
                sensitive,
                written,
            })),
            (Reply::NoSuchItem, _) => Ok(None),
            (reply, _) => Err(unexpected(reply)),
        }
    }

    /// Has the server export everything into memory that this process makes and pays for, exactly as much as it takes:
    /// asks without any, learns how much it would be, and asks again, a few times if the store grows in between. Sizes
    /// beyond `limit` bytes are not made, whatever the server says.
    ///
    /// # Errors
    ///
    /// `Export` where the server refuses, among others with `StorageTooSmall` where `limit` or the patience with a store
    /// that grows is exceeded; `Memory` and `Connection` as for [`export`](Self::export).
    pub fn export_within(&self, limit: usize, release: Release) -> Result<Sealed, ClientError> {
        let mut memory = Memory::new(0).map_err(MemoryError::from)?;
        let mut attempts = 0;
        loop {
            let refusal = match self.export(memory, release) {
                Ok(sealed) => return Ok(sealed),
                Err(refusal) => refusal,
            };
            attempts += 1;
            let needed = match &refusal.error {
                ClientError::Export(ExportFailure::Export(ExportError::StorageTooSmall { needed, .. })) => *needed,
                _ => return Err(refusal.error),
            };
            if needed > limit {
                let available = limit;
                return Err(ExportFailure::Export(ExportError::StorageTooSmall { needed, available }).into());
            }
            if attempts == ATTEMPTS {
                return Err(refusal.error);
            }
            memory = Memory::allocated(needed as u64).map_err(MemoryError::from)?;
        }
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
        let shape = memory.shape();
        self.export_into(&memory, release).map_err(|error| Refused {
            // Without an answer the server may be filling it still. With one, what it says is looked at.
            memory: match error {
                ClientError::Export(_) if shape.is_ok() && shape == memory.shape() => Some(memory),
                _ => None,
            },
            error,
        })
    }

    fn export_into(&self, memory: &Memory, release: Release) -> Result<Sealed, ClientError> {
        let request = Request::Export {
            release: release.number(),
        };
        let sealed = match self.ask(&request, Some(memory.as_fd()))? {
            (Reply::Exported, Some(descriptor)) => Sealed::new(descriptor)?,
            (Reply::NotExported(failure), _) => return Err(ClientError::Export(failure)),
            (reply, _) => return Err(unexpected(reply)),
        };
        let mapping = sealed.map().map_err(MemoryError::from)?;
        let header = Header::peek(&mapping).map_err(MemoryError::Content)?;
        if header.snapshot_len() != sealed.len() || header.release != release.number() {
            return Err(ClientError::Connection(
                "it exported something else than was asked for".into(),
            ));
        }
        Ok(sealed)
    }

    fn ask(
        &self,
        request: &Request,
        descriptor: Option<std::os::fd::BorrowedFd<'_>>,
    ) -> Result<(Reply, Option<OwnedFd>), ClientError> {
        send(&self.socket, request, descriptor)?;
        Ok(receive(&self.socket)?)
    }
}

fn unexpected(reply: Reply) -> ClientError {
    match reply {
        Reply::BadRequest(what) => ClientError::BadRequest(what),
        reply => ClientError::Connection(std::format!("an answer to another question: {reply:?}")),
    }
}

impl Sealed {
    /// Forwards the export to a file, inside the kernel, without a copy in this process. Calls `progress` with the number of
    /// bytes so far. A device into which the kernel cannot do that is written to.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn forward(&self, mut file: &File, progress: &mut dyn FnMut(usize)) -> io::Result<()> {
        let mut offset = 0;
        while (offset as usize) < self.len() {
            let done = offset as usize;
            match sendfile(file, self, Some(&mut offset), (self.len() - done).min(CHUNK)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => progress(offset as usize),
                Err(Errno::INTR) => {}
                Err(Errno::INVAL) => return file.write_all(self.map()?.get(done..).unwrap_or_default()),
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }
}
