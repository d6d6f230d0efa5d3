//! One request and its answer, each a line of JSON.
//!
//! A server takes calls with a [`Listener`](crate::Listener) and passes each to [`serve`]. A client calls [`ask`].
//!
//! ```
//! use devstate_socket::Listener;
//! use devstate_socket::request::{Limits, ask, serve};
//!
//! let directory = tempfile::tempdir()?;
//! let path = directory.path().join("control");
//! let listener = Listener::stream(&path)?;
//! let server = std::thread::spawn(move || {
//!     let (caller, _) = listener.accept().unwrap();
//!     serve(caller, Limits::default(), |request: Result<u32, _>| match request {
//!         Ok(number) => Ok(number + 1),
//!         Err(error) => Err(error.to_string()),
//!     })
//! });
//! let answer: Result<u32, String> = ask(&path, &41)?;
//! assert_eq!(answer, Ok(42));
//! server.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{error, fmt};

use rustix::io::retry_on_intr;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::TimedStream;
use crate::peer::{PeerError, check_peer};
use crate::shown::shown;

/// The longest answer that a client takes, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// How long a client waits until its call is taken, and then until its request is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Limits for one caller of [`serve`].
///
/// ```
/// use devstate_socket::request::Limits;
///
/// const LIMITS: Limits = Limits::DEFAULT.with_len(1 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The time that a caller may take to send the whole request, and again to accept the whole answer.
    pub patience: Duration,
    /// The length of the longest request in bytes.
    pub len: usize,
}

impl Limits {
    /// A patience of one second and a length of 64 KiB.
    pub const DEFAULT: Self = Self {
        patience: Duration::from_secs(1),
        len: 64 << 10,
    };

    /// Returns limits with another [`patience`](Self::patience).
    #[must_use]
    pub const fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Returns limits with another [`len`](Self::len).
    #[must_use]
    pub const fn with_len(self, len: usize) -> Self {
        Self { len, ..self }
    }
}

impl Default for Limits {
    /// Returns [`Limits::DEFAULT`].
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Sends `request` to the process that listens at `path`, and returns its answer. Waits up to five seconds to connect, up to
/// five until the request is accepted, and then without a limit, because a request may take its time. The answer may have up
/// to 1 MiB. There is one request for each connection.
///
/// # Errors
///
/// Returns [`RequestError`] if nobody listens, if the request or the answer is not valid, or if the server closes the
/// connection. Nothing is sent to a process of another user. After [`HungUp`](RequestError::HungUp), `TooLong` or
/// `Json` the request may have been carried out.
pub fn ask<Q: Serialize + ?Sized, A: DeserializeOwned>(path: &Path, request: &Q) -> Result<A, RequestError> {
    let stream = connected(path).map_err(|source| RequestError::Connect {
        path: path.to_owned(),
        source,
    })?;
    check_peer(&stream).map_err(RequestError::Peer)?;
    let request = line(request)?;
    let sent = TimedStream::without_wake(stream, PATIENCE).and_then(|mut stream| {
        Write::write_all(&mut stream, &request)?;
        stream.into_waiting()
    });
    let stream = sent.map_err(RequestError::HungUp)?;
    let (mut answer, limit) = (Vec::new(), MAX_ANSWER);
    BufReader::new(stream)
        .take(limit as u64)
        .read_until(b'\n', &mut answer)
        .map_err(RequestError::HungUp)?;
    if !answer.ends_with(b"\n") {
        return Err(if answer.len() < limit {
            RequestError::HungUp(ErrorKind::UnexpectedEof.into())
        } else {
            RequestError::TooLong { limit }
        });
    }
    serde_json::from_slice(&answer).map_err(RequestError::Json)
}

fn connected(path: &Path) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // For sending it is also how long connecting may take, to a server that accepts nobody.
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
    let address = SocketAddrUnix::new(path)?;
    retry_on_intr(|| connect(&socket, &address))?;
    Ok(socket.into())
}

/// Reads the request of one caller, calls `carry_out` with it, and sends the result. It closes the connection of a
/// caller that takes too long or sends too much, so that the server can continue.
///
/// If the caller belongs to another user, or if the line does not parse as `Q`, `carry_out` gets the error. Then it
/// must not do anything except return an answer for this error.
///
/// # Errors
///
/// | error | `carry_out` |
/// |---|---|
/// | `Peer`, `Json` | was called with this error, and the caller has the answer |
/// | `Late`, `TooLong`, `HungUp` while reading | was not called |
/// | `Unread`, `HungUp` while writing, `Unserializable` | was called; the caller has no answer |
pub fn serve<Q: DeserializeOwned, A: Serialize>(
    caller: UnixStream,
    limits: Limits,
    carry_out: impl FnOnce(Result<Q, &RequestError>) -> A,
) -> Result<(), RequestError> {
    let trusted = check_peer(&caller);
    let mut caller = TimedStream::without_wake(caller, limits.patience).map_err(RequestError::HungUp)?;
    let request = match trusted {
        Ok(()) => serde_json::from_slice(&read_line(&mut caller, limits)?).map_err(RequestError::Json),
        Err(error) => Err(RequestError::Peer(error)),
    };
    let (answer, outcome) = match request {
        Ok(request) => (carry_out(Ok(request)), Ok(())),
        Err(error) => (carry_out(Err(&error)), Err(error)),
    };
    let answer = line(&answer)?;
    caller.restart(limits.patience);
    Write::write_all(&mut caller, &answer).map_err(|error| match error.kind() {
        ErrorKind::TimedOut => RequestError::Unread {
            patience: limits.patience,
        },
        _ => RequestError::HungUp(error),
    })?;
    outcome
}

fn read_line(caller: &mut TimedStream<'_>, limits: Limits) -> Result<Vec<u8>, RequestError> {
    let Limits { patience, len: limit } = limits;
    let (mut line, mut part) = (Vec::new(), [0; 4096]);
    while !line.ends_with(b"\n") {
        match Read::read(caller, &mut part) {
            Ok(0) => return Err(RequestError::HungUp(ErrorKind::UnexpectedEof.into())),
            Ok(len) => line.extend(part.iter().take(len)),
            Err(error) if error.kind() == ErrorKind::TimedOut => return Err(RequestError::Late { patience }),
            Err(error) => return Err(RequestError::HungUp(error)),
        }
        if line.strip_suffix(b"\n").unwrap_or(&line).len() > limit {
            return Err(RequestError::TooLong { limit });
        }
    }
    Ok(line)
}

fn line(message: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, RequestError> {
    let mut line = serde_json::to_vec(message).map_err(RequestError::Unserializable)?;
    line.push(b'\n');
    Ok(line)
}

/// Why a request was not answered, or not carried out.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// Cannot connect to the path: most likely nobody listens there.
    Connect {
        /// The path of the socket.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The other process is not trusted.
    Peer(PeerError),
    /// The request did not arrive within the limit.
    Late {
        /// [`Limits::patience`].
        patience: Duration,
    },
    /// The caller did not accept the whole answer within the limit.
    Unread {
        /// [`Limits::patience`].
        patience: Duration,
    },
    /// The line of the other process is longer than it may be.
    TooLong {
        /// The length of the longest line in bytes.
        limit: usize,
    },
    /// The line of the other process is not JSON, or not of the expected type.
    Json(serde_json::Error),
    /// The message of this process cannot be serialized.
    Unserializable(serde_json::Error),
    /// The connection failed or ended before the whole line was sent or received.
    HungUp(io::Error),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { path, source } => write!(f, "cannot connect to {}: {source}", shown(path)),
            Self::Peer(error) => write!(f, "{error}"),
            Self::Late { patience } => write!(
                f,
                "the caller did not send its request within {} s",
                patience.as_secs_f64()
            ),
            Self::Unread { patience } => write!(
                f,
                "the caller did not accept the answer within {} s",
                patience.as_secs_f64()
            ),
            Self::TooLong { limit } => write!(f, "the line of the other side has more than {limit} bytes"),
            Self::Json(error) => write!(f, "the line of the other side is not what was expected: {error}"),
            Self::Unserializable(error) => write!(f, "this message cannot be written as JSON: {error}"),
            Self::HungUp(error) => write!(f, "the other side hung up: {error}"),
        }
    }
}

impl error::Error for RequestError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Connect { source, .. } => source.source(),
            Self::Peer(error) => error.source(),
            Self::Json(error) | Self::Unserializable(error) => error.source(),
            Self::HungUp(error) => error.source(),
            Self::Late { .. } | Self::Unread { .. } | Self::TooLong { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
