//! On Linux: memory that is shared with another process and sealed for good, the server, and its client.

mod checksum;
mod client;
mod exports;
mod mapping;
mod memory;
mod protocol;
mod server;

pub use checksum::Crc64Simd;
pub use client::{Client, ClientError, Refused, Value};
pub use mapping::ReadOnlyMapping;
pub use memory::{Memory, MemoryError, Sealed, fill};
pub use protocol::{ExportFailure, MAX_PACKET, Reply, Request};
pub use server::{ServedStore, Server, ServerLimits};
