//! What client and server say to each other: one packet a request, one a reply, at most one descriptor with each.

use core::fmt;
use core::mem::MaybeUninit;
use std::borrow::ToOwned;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::string::String;
use std::vec::Vec;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{ExportError, WriteError};

/// The longest packet in bytes: a key, a value, and what lies around them.
pub const MAX_PACKET: usize = 4096 + 256;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Write an item.
    WriteItem {
        /// Its key.
        key: String,
        /// Its value.
        value: Vec<u8>,
        /// Not to be shown unless asked for.
        sensitive: bool,
        /// When it was written, in seconds since 1970; now, unless it was before.
        written: Option<u64>,
    },
    /// The item with a key.
    Get {
        /// The key.
        key: String,
    },
    /// Everything, in the memory whose descriptor comes with the request.
    Export {
        /// The number of the release to write at.
        release: u16,
    },
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The item was written.
    Written,
    /// The item was not written.
    NotWritten(WriteError),
    /// An item.
    Item {
        /// Its value.
        value: Vec<u8>,
        /// Not to be shown unless asked for.
        sensitive: bool,
        /// When it was written, in seconds since 1970.
        written: u64,
    },
    /// There is no item with that key.
    NoSuchItem,
    /// The export is in the memory whose descriptor comes with the reply: open for reading only, and sealed.
    Exported,
    /// Nothing was exported.
    NotExported(ExportFailure),
    /// The request was none.
    BadRequest(String),
}

/// Why nothing was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportFailure {
    /// The store or the size of the memory does not allow it. The memory is as it was.
    Export(ExportError),
    /// The server knows no release of that number.
    UnknownRelease {
        /// The newest that it knows.
        newest: u16,
    },
    /// No descriptor came with the request.
    NoMemory,
    /// The descriptor is not one of memory that can be sealed.
    NotMemory,
    /// The memory has seals already.
    AlreadySealed,
    /// The descriptor is not open for reading and writing.
    NotWritable,
    /// Someone has the memory mapped for writing, so it cannot be sealed.
    StillMapped,
    /// Someone changed the memory's size, or wrote to it through a mapping from before, while it was filled.
    Modified,
    /// The server's system knows no seal against new writers, which Linux has since 5.1. Without it a client could take
    /// pages away under the server.
    TooOldSystem,
    /// The system refused a call on the memory.
    System {
        /// Its error number.
        errno: i32,
    },
    /// The memory's pages are not all there. The server makes none, because it would pay for them. Unless someone takes
    /// pages away meanwhile, the memory is as it was.
    NotAllocated {
        /// Bytes that the export takes.
        needed: u64,
        /// Bytes of the pages that are there.
        allocated: u64,
    },
    /// Too many other exports are under way, and none ended in time.
    Busy,
}

impl From<ExportError> for ExportFailure {
    fn from(error: ExportError) -> Self {
        Self::Export(error)
    }
}

impl From<Errno> for ExportFailure {
    fn from(errno: Errno) -> Self {
        Self::System {
            errno: errno.raw_os_error(),
        }
    }
}

impl fmt::Display for ExportFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(error) => error.fmt(f),
            Self::UnknownRelease { newest } => write!(f, "the server knows no such release; its newest is {newest}"),
            Self::NoMemory => f.write_str("no memory came with the request"),
            Self::NotMemory => f.write_str("the descriptor is not one of memory that can be sealed"),
            Self::AlreadySealed => f.write_str("the memory is sealed already"),
            Self::NotWritable => f.write_str("the descriptor is not open for reading and writing"),
            Self::StillMapped => f.write_str("the memory is still mapped for writing somewhere"),
            Self::Modified => f.write_str("the memory was changed while it was filled"),
            Self::TooOldSystem => {
                f.write_str("the server's system cannot keep others from writing to memory; Linux 5.1 can")
            }
            Self::NotAllocated { needed, allocated } => write!(
                f,
                "the client has allocated {allocated} bytes of the memory, and the export takes {needed}"
            ),
            Self::Busy => f.write_str("too many other exports are under way"),
            Self::System { errno } => write!(f, "the server's system: {}", Errno::from_raw_os_error(*errno)),
        }
    }
}

impl core::error::Error for ExportFailure {}

/// Why a packet could not be sent or understood.
#[derive(Debug)]
pub(super) enum PacketError {
    /// The system said no; a time-out among others.
    System(Errno),
    /// The other side has gone.
    Closed,
    /// The packet is longer than [`MAX_PACKET`].
    TooLong,
    /// The packet is not what it should be.
    Garbage,
}

impl From<Errno> for PacketError {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(Errno::AGAIN) => f.write_str("no answer in time"),
            Self::System(errno) => write!(f, "{errno}"),
            Self::Closed => f.write_str("the other side closed the connection"),
            Self::TooLong => write!(f, "a packet of more than {MAX_PACKET} bytes"),
            Self::Garbage => f.write_str("a packet that says nothing"),
        }
    }
}

/// Sends one packet, with a descriptor if there is one.
pub(super) fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<(), PacketError> {
    let mut packet = [0; MAX_PACKET];
    let packet = postcard::to_slice(message, &mut packet).map_err(|_| PacketError::TooLong)?;
    let descriptors: &[BorrowedFd<'_>] = descriptor.as_slice();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    // A process that is stopped and goes on is interrupted.
    retry_on_intr(|| sendmsg(&socket, &[IoSlice::new(packet)], &mut ancillary, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Receives one packet, and every descriptor that came with it: there is room for as many as Linux lets anyone send, for
/// those that find none are closed at once, which can wait.
pub(super) fn receive<T: DeserializeOwned>(socket: impl AsFd) -> (Result<T, PacketError>, Vec<OwnedFd>) {
    let mut packet = [0; MAX_PACKET];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = retry_on_intr(|| {
        let parts = &mut [IoSliceMut::new(&mut packet)];
        recvmsg(&socket, parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
    });
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    let message = match received {
        Err(errno) => Err(errno.into()),
        Ok(received) if received.flags.contains(ReturnFlags::TRUNC) => Err(PacketError::TooLong),
        Ok(received) => match packet.get(..received.bytes) {
            None | Some([]) => Err(PacketError::Closed),
            Some(packet) => match postcard::take_from_bytes(packet) {
                Ok((message, [])) => Ok(message),
                _ => Err(PacketError::Garbage),
            },
        },
    };
    (message, descriptors)
}

impl PacketError {
    pub(super) fn reply(&self) -> Option<Reply> {
        match self {
            Self::TooLong | Self::Garbage => Some(Reply::BadRequest(std::format!("{self}").to_owned())),
            Self::System(_) | Self::Closed => None,
        }
    }
}
