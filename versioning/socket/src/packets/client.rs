//! A client that reconnects.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::socket::{PacketError, PacketSocket};

/// A client of a [`Server`](super::Server). Threads can share it: it sends one request at a time.
///
/// It reconnects if the server has closed the connection. A server does this to a client that was silent for a long
/// time. After an error it never uses the same connection again, because a late answer may still arrive on it.
#[derive(Debug)]
pub struct Client<const LEN: usize> {
    path: PathBuf,
    patience: Duration,
    /// `None` behind an error.
    socket: Mutex<Option<PacketSocket<LEN>>>,
}

impl<const LEN: usize> Client<LEN> {
    /// Connects to the server that listens at `path`, as [`PacketSocket::connect`] does.
    ///
    /// # Errors
    ///
    /// The errors of [`PacketSocket::connect`].
    pub fn connect(path: &Path, patience: Duration) -> Result<Self, PacketError> {
        Ok(Self {
            path: path.to_owned(),
            patience,
            socket: Mutex::new(Some(PacketSocket::connect(path, patience)?)),
        })
    }

    /// Sends a request, and receives its answer with the descriptors that came with it. If the server has closed the
    /// stored connection without reading the request, the client sends the request once more over a new connection.
    ///
    /// # Errors
    ///
    /// The errors of [`PacketSocket::ask`] and [`PacketSocket::connect`]. After `Connect`, `Peer`, `Unread`,
    /// `Unserializable`, `Empty`, `MessageTooLong` and `TooManyDescriptors`, the server has not carried out the request. After
    /// other errors it may have carried it out. For example, its answer may be a `PacketTooLong`.
    pub fn ask<Q, A>(&self, request: &Q, descriptors: &[BorrowedFd<'_>]) -> Result<(A, Vec<OwnedFd>), PacketError>
    where
        Q: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        let mut kept = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let connect = || PacketSocket::connect(&self.path, self.patience);
        let earlier = kept.take();
        let is_new = earlier.is_none();
        let mut socket = earlier.map_or_else(connect, Ok)?;
        let mut answer = socket.ask(request, descriptors);
        if !is_new && matches!(answer, Err(PacketError::Unread)) {
            socket = connect()?;
            answer = socket.ask(request, descriptors);
        }
        if answer.is_ok() {
            *kept = Some(socket);
        }
        answer
    }
}

#[cfg(test)]
mod tests;
