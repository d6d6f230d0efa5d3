//! On Linux: memory that a client makes, a server fills and nobody can change afterwards; the server, and its client.

mod checksum;
mod client;
mod exports;
mod fill;
mod protocol;
mod server;

pub use checksum::Crc64Simd;
pub use client::{Client, ClientError, Refused};
pub use devstate_memfd::{Memory, Sealed};
pub use devstate_socket::packets::Limits;
pub use fill::fill;
pub use protocol::{ExportFailure, MAX_PACKET, Reply, Request, Value};
pub use server::{ServedStore, Server};
