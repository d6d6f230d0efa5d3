//! Messages with file descriptors. Each message is one packet.
//!
//! A message is a value of a serde type, encoded with postcard. A server listens with
//! [`Listener::seqpacket`](crate::Listener::seqpacket). It answers its clients with a [`Server`], or one by one after
//! [`PacketSocket::accept`]. A client uses [`PacketSocket::connect`], or a [`Client`], which reconnects.
//!
//! ```
//! use devstate_socket::packets::PacketSocket;
//! use devstate_socket::{Listener, check_peer};
//! use std::io::Read;
//! use std::os::fd::AsFd;
//! use std::time::Duration;
//!
//! /// Both sides take packets of up to 256 bytes, and wait for one second at most.
//! type Socket = PacketSocket<256>;
//! const PATIENCE: Duration = Duration::from_secs(1);
//!
//! let directory = tempfile::tempdir()?;
//! let path = directory.path().join("socket");
//! let listener = Listener::seqpacket(&path)?;
//! let server = std::thread::spawn(move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     let client = Socket::accept(&listener)?;
//!     client.set_patience(PATIENCE)?;
//!     check_peer(&client)?;
//!     let question = client.receive::<String>();
//!     assert_eq!(question.message?, "a pipe?");
//!     let (reader, mut writer) = std::io::pipe()?;
//!     std::io::Write::write_all(&mut writer, b"hello")?;
//!     client.send(&true, &[reader.as_fd()])?;
//!     Ok(())
//! });
//!
//! let client = Socket::connect(&path, PATIENCE)?; // of the same user, or of root
//! let (has_one, descriptors) = client.ask::<_, bool>(&"a pipe?", &[])?;
//! assert!(has_one);
//! let mut said = String::new();
//! for descriptor in descriptors {
//!     std::fs::File::from(descriptor).read_to_string(&mut said)?;
//! }
//! assert_eq!(said, "hello");
//! server.join().unwrap().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod closer;
mod room;
mod server;
mod socket;

pub use client::Client;
pub use closer::Closer;
pub use server::{Limits, Report, Server, Service};
pub use socket::{MAX_DESCRIPTORS, PacketError, PacketSocket, Received};
