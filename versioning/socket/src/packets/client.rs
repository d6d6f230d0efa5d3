//! A client that connects again.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::socket::{PacketError, PacketSocket};

/// A client of a [`Server`](super::Server). Threads can share it: it asks one thing at a time.
///
/// It connects again where the server has hung up, as it does on a client that was silent for long. It does not use a connection
/// again after an error, because a late answer may still come through it.
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
    /// As for [`PacketSocket::connect`].
    pub fn connect(path: &Path, patience: Duration) -> Result<Self, PacketError> {
        Ok(Self {
            path: path.to_owned(),
            patience,
            socket: Mutex::new(Some(PacketSocket::connect(path, patience)?)),
        })
    }

    /// Sends a request, and receives its answer with the descriptors that came with it. If the server has closed the connection
    /// that was kept without reading the request, it asks once more over a new connection.
    ///
    /// # Errors
    ///
    /// As for [`PacketSocket::ask`] and [`PacketSocket::connect`]. After `Connect`, `Peer`, `Unread`, `Unserializable`, `Empty` and
    /// `TooManyDescriptors` the server has not carried out the request. After others it may have: `TooLong` may be its answer.
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
