//! What client and server say to each other: one packet a request, one a reply, at most one descriptor with each.

use core::fmt;
use std::io;
use std::string::String;
use std::vec::Vec;

use devstate_memfd::FillError;
use rustix::io::Errno;
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

/// An item as the server gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// The value.
    pub value: Vec<u8>,
    /// Not to be shown unless asked for.
    pub sensitive: bool,
    /// When it was written, in seconds since 1970.
    pub written: u64,
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The item was written.
    Written,
    /// The item was not written.
    NotWritten(WriteError),
    /// An item.
    Item(Value),
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

impl From<FillError> for ExportFailure {
    fn from(error: FillError) -> Self {
        match error {
            FillError::NotMemory => Self::NotMemory,
            FillError::AlreadySealed => Self::AlreadySealed,
            FillError::NotWritable => Self::NotWritable,
            FillError::TooSmall { needed, available } => ExportError::StorageTooSmall { needed, available }.into(),
            FillError::NotAllocated { needed, allocated } => Self::NotAllocated { needed, allocated },
            FillError::StillMapped => Self::StillMapped,
            FillError::Modified => Self::Modified,
            FillError::TooOldSystem => Self::TooOldSystem,
            FillError::System(error) => Self::System {
                errno: error.raw_os_error().unwrap_or(Errno::IO.raw_os_error()),
            },
            // An export is never empty, and is always written whole.
            _ => Self::System {
                errno: Errno::IO.raw_os_error(),
            },
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
            Self::System { errno } => write!(f, "the server's system: {}", io::Error::from_raw_os_error(*errno)),
        }
    }
}

impl core::error::Error for ExportFailure {}
