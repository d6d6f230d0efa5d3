//! A socket for packets.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{error, fmt};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_passcred, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, RecvMsg, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType, accept_with, connect, recvmsg,
    sendmsg, shutdown, socket_with,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Listener;
use crate::peer::{PeerError, check_peer};
use crate::shown::shown;

/// The maximum number of descriptors that Linux sends with one packet.
pub const MAX_DESCRIPTORS: usize = 253;

/// A connected socket for packets (`SOCK_SEQPACKET`) of up to `LEN` bytes. Each packet is a whole message. Both sides
/// should have the same `LEN`. Linux sends packets of up to 200 KiB, unless the system was set up to send longer ones
/// (`net.core.wmem_default`).
#[derive(Debug)]
pub struct PacketSocket<const LEN: usize>(OwnedFd);

/// A packet that has arrived.
#[derive(Debug)]
#[must_use = "the descriptors are closed when this is dropped, which can take for ever"]
pub struct Received<T> {
    /// The message, or the error.
    pub message: Result<T, PacketError>,
    /// All descriptors that came with the packet, even if the packet is not a message. They are closed on `exec`.
    /// Closing a descriptor of a stranger can take for ever: see [`Closer`](super::Closer).
    pub descriptors: Vec<OwnedFd>,
}

impl<const LEN: usize> PacketSocket<LEN> {
    /// Connects to the process that listens at `path`, and checks that it belongs to this user or to root. `patience`
    /// limits the time to connect, and later the time for each packet that is sent or received.
    ///
    /// # Errors
    ///
    /// `Connect`, `Peer`, `Late`. `System` if `patience` is zero.
    pub fn connect(path: &Path, patience: Duration) -> Result<Self, PacketError> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let socket = Self(socket);
        // The limit for sending is also the one for connecting, to a server that accepts nobody.
        socket.set_patience(patience)?;
        let connected = SocketAddrUnix::new(path).and_then(|address| retry_on_intr(|| connect(&socket.0, &address)));
        connected.map_err(|errno| match errno {
            Errno::AGAIN => PacketError::Late,
            errno => PacketError::Connect {
                path: path.to_owned(),
                source: errno.into(),
            },
        })?;
        check_peer(&socket.0).map_err(PacketError::Peer)?;
        Ok(socket)
    }

    /// Waits without a limit for the next client. It does not check the user of the client: call [`check_peer`] before
    /// you trust it, and [`set_patience`](Self::set_patience) before you wait for it.
    ///
    /// # Errors
    ///
    /// `System`, for example if this process has no descriptor left. The client then still waits.
    pub fn accept(listener: &Listener<OwnedFd>) -> Result<Self, PacketError> {
        loop {
            match accept_with(listener, SocketFlags::CLOEXEC) {
                Ok(socket) => return Ok(Self(socket)),
                Err(Errno::CONNABORTED | Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Limits the time to send a packet, and the time to wait for a packet.
    ///
    /// # Errors
    ///
    /// `System` if `patience` is zero.
    pub fn set_patience(&self, patience: Duration) -> Result<(), PacketError> {
        if patience.is_zero() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "a patience of zero waits for nothing");
            return Err(PacketError::System(error));
        }
        set_socket_timeout(&self.0, Timeout::Send, Some(patience))?;
        set_socket_timeout(&self.0, Timeout::Recv, Some(patience))?;
        Ok(())
    }

    /// Sends a message, with at most [`MAX_DESCRIPTORS`] descriptors.
    ///
    /// # Errors
    ///
    /// `Unserializable`, `Empty`, `MessageTooLong` or `TooManyDescriptors` with nothing sent. `Late`, `Closed`, `Unread`, `System`.
    pub fn send<T: Serialize + ?Sized>(&self, message: &T, descriptors: &[BorrowedFd<'_>]) -> Result<(), PacketError> {
        // Not in the stack, which has no room for what `LEN` may be.
        let mut packet = vec![0; LEN];
        let packet = postcard::to_slice(message, &mut packet).map_err(|error| match error {
            postcard::Error::SerializeBufferFull => PacketError::MessageTooLong { limit: LEN },
            error => PacketError::Unserializable(error),
        })?;
        if packet.is_empty() {
            return Err(PacketError::Empty);
        }
        let number = descriptors.len();
        if number > MAX_DESCRIPTORS {
            return Err(PacketError::TooManyDescriptors { number });
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if number > 0 {
            ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        // A process that is stopped and goes on is interrupted.
        retry_on_intr(|| sendmsg(&self.0, &[IoSlice::new(packet)], &mut ancillary, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Receives one packet, and every descriptor that came with it. There is room for the maximum number of
    /// descriptors. Without room, the kernel would close them during this call, and that can take for ever.
    pub fn receive<T: DeserializeOwned>(&self) -> Received<T> {
        let mut packet = vec![0; LEN];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = retry_on_intr(|| {
            let parts = &mut [IoSliceMut::new(&mut packet)];
            recvmsg(&self.0, parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        });
        let mut descriptors = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                descriptors.extend(received);
            }
        }
        let message = match received {
            Err(errno) => Err(errno.into()),
            Ok(received) if received.flags.contains(ReturnFlags::TRUNC) => {
                Err(PacketError::PacketTooLong { limit: LEN })
            }
            Ok(received) if received.flags.contains(ReturnFlags::CTRUNC) => Err(PacketError::LostDescriptors),
            Ok(received) => match packet.get(..received.bytes) {
                None | Some([]) => Err(PacketError::Closed),
                Some(packet) => match postcard::take_from_bytes(packet) {
                    Ok((message, [])) => Ok(message),
                    _ => Err(PacketError::Garbage),
                },
            },
        };
        Received { message, descriptors }
    }

    /// Waits for the next packet, and returns `true` if descriptors came with it. The packet is not received.
    pub(super) fn has_descriptors(&self) -> Result<bool, PacketError> {
        let flags = retry_on_intr(|| self.peek(RecvFlags::empty()))?.flags;
        Ok(flags.contains(ReturnFlags::CTRUNC))
    }

    /// Takes no further packet, and returns `true` if none is left. Then the connection can be closed at once: no
    /// descriptor of the other side is closed with it.
    pub(super) fn is_emptied(&self) -> bool {
        // With this, every packet comes with the credentials of its sender. The end of the connection does not, and so it is
        // told from an empty packet.
        let stopped = set_socket_passcred(&self.0, true).and_then(|()| shutdown(&self.0, Shutdown::Read));
        if stopped.is_err() {
            return false;
        }
        let mut end = self.peek(RecvFlags::DONTWAIT);
        // The first call only says that the other side has not read everything.
        if matches!(end, Err(Errno::CONNRESET)) {
            end = self.peek(RecvFlags::DONTWAIT);
        }
        end.is_ok_and(|end| end.bytes == 0 && !end.flags.contains(ReturnFlags::CTRUNC))
    }

    /// Looks at the next packet without room for what comes with it. The kernel then sets `CTRUNC`, and closes nothing.
    fn peek(&self, flags: RecvFlags) -> rustix::io::Result<RecvMsg> {
        let mut byte = [0];
        recvmsg(
            &self.0,
            &mut [IoSliceMut::new(&mut byte)],
            &mut RecvAncillaryBuffer::default(),
            RecvFlags::PEEK | flags,
        )
    }

    /// Sends a request, and receives its answer with the descriptors that came with it. Ask one thing at a time, and nothing more
    /// after an error: the next packet may be the answer to the earlier request. A [`Client`](super::Client) sees to both.
    ///
    /// # Errors
    ///
    /// `Unread` if the other side closed the connection before it read the request: send it again over a new
    /// connection. Otherwise the errors of [`send`](Self::send) and [`receive`](Self::receive).
    pub fn ask<Q, A>(&self, request: &Q, descriptors: &[BorrowedFd<'_>]) -> Result<(A, Vec<OwnedFd>), PacketError>
    where
        Q: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        let is_unsent = match self.send(request, descriptors) {
            Ok(()) => false,
            Err(PacketError::Closed) => true,
            Err(error) => return Err(error),
        };
        // Whoever has closed the connection may have said why before.
        let Received { message, descriptors } = self.receive();
        match message {
            Ok(answer) => Ok((answer, descriptors)),
            Err(PacketError::Unread) => {
                let Received { message, descriptors } = self.receive();
                message
                    .map(|answer| (answer, descriptors))
                    .map_err(|_| PacketError::Unread)
            }
            Err(PacketError::Closed) if is_unsent => Err(PacketError::Unread),
            Err(error) => Err(error),
        }
    }
}

impl<const LEN: usize> From<OwnedFd> for PacketSocket<LEN> {
    /// Creates it from a connected socket for packets, for example one of a pair.
    fn from(socket: OwnedFd) -> Self {
        Self(socket)
    }
}

impl<const LEN: usize> From<PacketSocket<LEN>> for OwnedFd {
    fn from(socket: PacketSocket<LEN>) -> Self {
        socket.0
    }
}

impl<const LEN: usize> AsFd for PacketSocket<LEN> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Why a packet was not sent, or is not a message.
#[derive(Debug)]
#[non_exhaustive]
pub enum PacketError {
    /// Cannot connect to the path.
    Connect {
        /// The path of the socket.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The other process is not trusted.
    Peer(PeerError),
    /// The other side took longer than the patience of this socket.
    Late,
    /// The other side has closed the connection. An empty packet has the same meaning.
    Closed,
    /// The other side has closed the connection without reading everything that was sent to it.
    Unread,
    /// The message has no bytes, as `()` has none. The other side would take the packet for the end of the connection.
    Empty,
    /// The message of this process is longer than a packet may be. It was not sent.
    MessageTooLong {
        /// The length of the longest packet in bytes.
        limit: usize,
    },
    /// The packet of the other side is longer than a packet may be.
    PacketTooLong {
        /// The length of the longest packet in bytes.
        limit: usize,
    },
    /// The packet is not a message of the expected type.
    Garbage,
    /// The call has more descriptors than [`MAX_DESCRIPTORS`].
    TooManyDescriptors {
        /// The number of descriptors.
        number: usize,
    },
    /// Descriptors that came with the packet are lost, because this process has too many open.
    LostDescriptors,
    /// The descriptors that came with a packet were not received, and neither was the packet: this server has too many
    /// descriptors of its clients open.
    NoRoom {
        /// The maximum number of open descriptors.
        limit: usize,
    },
    /// The message of this process cannot be serialized.
    Unserializable(postcard::Error),
    /// A system call failed.
    System(io::Error),
}

impl From<Errno> for PacketError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::AGAIN => Self::Late,
            Errno::PIPE => Self::Closed,
            Errno::CONNRESET => Self::Unread,
            errno => Self::System(errno.into()),
        }
    }
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { path, source } => write!(f, "cannot connect to {}: {source}", shown(path)),
            Self::Peer(error) => write!(f, "{error}"),
            Self::Late => f.write_str("no answer in time"),
            Self::Closed => f.write_str("the other side closed the connection"),
            Self::Unread => f.write_str("the other side closed the connection without reading what was sent"),
            Self::Empty => f.write_str("a message without bytes cannot be sent"),
            Self::MessageTooLong { limit } => write!(f, "a message of more than {limit} bytes cannot be sent"),
            Self::PacketTooLong { limit } => write!(f, "a packet of more than {limit} bytes arrived"),
            Self::Garbage => f.write_str("a packet that says nothing"),
            Self::TooManyDescriptors { number } => {
                write!(f, "{number} descriptors for one packet: it takes {MAX_DESCRIPTORS}")
            }
            Self::LostDescriptors => {
                f.write_str("descriptors that came with a packet are lost: this process has too many open")
            }
            Self::NoRoom { limit } => {
                write!(
                    f,
                    "no room for the descriptors of a packet: at most {limit} may be open"
                )
            }
            Self::Unserializable(error) => write!(f, "this message has no encoding: {error}"),
            Self::System(error) => write!(f, "{error}"),
        }
    }
}

impl error::Error for PacketError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Connect { source: error, .. } | Self::System(error) => error.source(),
            Self::Peer(error) => error.source(),
            Self::Unserializable(error) => error::Error::source(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
