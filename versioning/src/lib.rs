//! Versioned state in a fixed buffer: version tables that the compiler checks, downgrades that say what they lose.

#![no_std]
#![forbid(unsafe_code)]

mod check;
mod checksum;
mod downgrade;
mod error;
mod fingerprint;
mod header;
mod loss;
mod message;
mod path;
pub mod payload;
mod reader;
mod release;
pub mod schema;
mod snapshot;
mod stream;
mod varint;
mod wire;
mod writer;

pub use checksum::{Checksum, Crc64, Crc64NoTable, Crc64Slice16};
pub use devstate_versioning_derive::Versioned;
pub use downgrade::{plan, plan_in};
pub use error::{Error, ErrorKind, Expected, Refused};
pub use fingerprint::{fnv1a, layout, layout_text};
pub use header::{Architecture, FORMAT, HEADER_LEN, Header, MAGIC, TRAILER_LEN};
pub use loss::{Differ, Loss};
pub use path::{FieldPath, NamedPath};
pub use reader::{Malformed, Reader};
pub use release::{ReleaseTable, Row, VersionOf};
pub use snapshot::{Container, encoded_len, load, max_snapshot_len, save, save_as, save_lossy, save_widest};
pub use stream::StreamError;
pub use wire::{BadValue, Bytes, Fixed, Layout, Mirror, MissingValue, Str, Wire};
pub use writer::{Writer, length_len};

/// What the macros expand to. Not part of the interface: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::check::{check_buffer, check_layouts, check_published, check_releases, check_row};
    pub use crate::fingerprint::{deep, layouts};
    pub use crate::wire::{foreign_decode, foreign_encode, foreign_len};
}
