//! The side that sends the machine.

use std::io::{self, ErrorKind, Read, Write};
use std::ops::RangeInclusive;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{error, fmt};

use devstate_versioning::negotiation::{Choice, NegotiationError, RECORD_LEN};
use devstate_versioning::wire::RowOf;
use devstate_versioning::{Architecture, ReleaseTable};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::{ANSWER, COMPLETE, Limits, Nonce, YOURS, with_nonce};
use crate::peer::{PeerError, check_peer, is_this_process};
use crate::shown::shown;
use crate::timed::{STOPPED, TimedStream};

/// A call to a process that waits for a machine. It never blocks, so the guest can run during the call. `R` is the
/// release table, and `M` is the root mirror of the machine's snapshot.
#[derive(Debug)]
pub struct Call<R, M> {
    path: PathBuf,
    start: Instant,
    limits: Limits,
    stream: Option<UnixStream>,
    /// The beginning of what comes next: a record of the offer, or the nonce.
    heard: Vec<u8>,
    choice: Choice<R, M>,
    /// The newest release that both have, once the offer has ended.
    release: Option<R>,
    /// The call succeeded or failed.
    ended: bool,
}

impl<R: ReleaseTable, M: RowOf<R>> Call<R, M> {
    /// Creates a call to the process that listens at `path`. It connects at the first [`poll`](Self::poll). `allowed` is the
    /// range of releases that the machine may be written at. [`Limits::call`] counts from now.
    #[must_use]
    pub fn new(path: &Path, allowed: RangeInclusive<R>, limits: Limits) -> Self {
        Self {
            path: path.to_owned(),
            start: Instant::now(),
            limits,
            stream: None,
            heard: Vec::new(),
            choice: Choice::new(Architecture::NATIVE, allowed),
            release: None,
            ended: false,
        }
    }

    /// Calls over a stream that is already connected, instead of connecting to the path. The path is then used only in
    /// errors, and both ends may be this process.
    ///
    /// # Errors
    ///
    /// Returns [`CallError`] if another user is at the other end, or if the stream cannot be set to non-blocking mode.
    pub fn over(self, stream: UnixStream) -> Result<Self, CallError> {
        check_peer(&stream)?;
        stream.set_nonblocking(true).map_err(CallError::NoAnswer)?;
        Ok(Self {
            stream: Some(stream),
            ..self
        })
    }

    /// Continues the call as far as possible without waiting. Returns `None` if the destination has not answered yet:
    /// then call it again within 100 ms. The destination gives up if its offer is not accepted within its
    /// [`Limits::answer`]. After `Some` both sides know the release at which the machine is written.
    ///
    /// # Errors
    ///
    /// Returns [`CallError`]: the guest can continue here. Returns [`CallError::Ended`] if an earlier poll has
    /// succeeded or failed.
    pub fn poll(&mut self) -> Result<Option<Agreed<R>>, CallError> {
        if self.ended {
            return Err(CallError::Ended);
        }
        let outcome = self.advance();
        self.ended = !matches!(outcome, Ok(None));
        outcome
    }

    fn advance(&mut self) -> Result<Option<Agreed<R>>, CallError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => match self.connect()? {
                Some(stream) => stream,
                None => return self.not_yet(false),
            },
        };
        loop {
            let whole = if self.release.is_some() {
                size_of::<Nonce>()
            } else {
                RECORD_LEN
            };
            let mut part = vec![0; whole - self.heard.len()];
            match stream.read(&mut part) {
                Ok(0) => return Err(CallError::NoAnswer(ErrorKind::UnexpectedEof.into())),
                Ok(len) => self.heard.extend(part.iter().take(len)),
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) => {
                    self.stream = Some(stream);
                    return self.not_yet(true);
                }
                Err(error) => return Err(CallError::NoAnswer(error)),
            }
            match self.release {
                None => {
                    if let Ok(record) = <[u8; RECORD_LEN]>::try_from(self.heard.as_slice()) {
                        self.release = self.choice.add(&record)?;
                        self.heard.clear();
                    }
                }
                Some(release) => {
                    if let Ok(nonce) = Nonce::try_from(self.heard.as_slice()) {
                        // Nothing has been written yet, so this fits.
                        let answered = stream.write_all(&with_nonce(*ANSWER, nonce));
                        answered.map_err(CallError::GaveUp)?;
                        let limit = self.limits.exchange;
                        return Ok(Some(Agreed {
                            stream,
                            release,
                            nonce,
                            limit,
                        }));
                    }
                }
            }
        }
    }

    /// Connects, unless so many wait already that there is no room for another call.
    fn connect(&self) -> Result<Option<UnixStream>, CallError> {
        let failed = |errno: Errno| CallError::Connect {
            path: self.path.clone(),
            source: errno.into(),
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(failed)?;
        let address = SocketAddrUnix::new(&self.path).map_err(failed)?;
        match connect(&socket, &address) {
            Ok(()) => {}
            Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        }
        let stream = UnixStream::from(socket);
        check_peer(&stream)?;
        if is_this_process(&stream) {
            let path = self.path.clone();
            return Err(CallError::ThisProcess { path });
        }
        Ok(Some(stream))
    }

    fn not_yet(&self, connected: bool) -> Result<Option<Agreed<R>>, CallError> {
        let limit = self.limits.call;
        if self.start.elapsed() < limit {
            return Ok(None);
        }
        let path = self.path.clone();
        Err(if connected {
            CallError::Silent { path, limit }
        } else {
            CallError::Busy { path, limit }
        })
    }
}

/// An exchange that both sides have agreed on. If it is dropped, the migration is cancelled and the guest stays here.
#[derive(Debug)]
#[must_use = "the guest stays here when this is dropped"]
pub struct Agreed<R> {
    stream: UnixStream,
    release: R,
    nonce: Nonce,
    limit: Duration,
}

impl<R: Copy> Agreed<R> {
    /// Returns the newest release that both sides have: the machine is written at this one.
    #[must_use]
    pub const fn release(&self) -> R {
        self.release
    }

    /// Sends the machine. Stop the guest before you call this. `write` writes all of it to the stream, for instance a snapshot
    /// and then the memory. The whole exchange may take [`Limits::exchange`]. When `wake` becomes readable, it ends with
    /// [`CallError::Stopped`].
    ///
    /// After `Ok` the guest belongs to the destination: never run it here again.
    ///
    /// # Errors
    ///
    /// Returns [`CallError`]. The destination does not have the guest, so the guest can continue here.
    pub fn send<E>(
        self,
        wake: BorrowedFd<'_>,
        write: impl FnOnce(&mut TimedStream<'_>) -> Result<(), E>,
    ) -> Result<(), CallError>
    where
        E: Into<Box<dyn error::Error + Send + Sync>>,
    {
        let mut stream = TimedStream::new(self.stream, self.limit, wake).map_err(CallError::GaveUp)?;
        let sent = give(&mut stream, self.nonce, write);
        sent.map_err(|error| if stream.is_stopped() { CallError::Stopped } else { error })
    }
}

/// Sends the machine, waits until it is complete, and sends the final message.
fn give<E>(
    stream: &mut TimedStream<'_>,
    nonce: Nonce,
    write: impl FnOnce(&mut TimedStream<'_>) -> Result<(), E>,
) -> Result<(), CallError>
where
    E: Into<Box<dyn error::Error + Send + Sync>>,
{
    write(stream).map_err(|error| CallError::Machine(error.into()))?;
    let mut answer = [0];
    stream.read_exact(&mut answer).map_err(CallError::GaveUp)?;
    let [answer] = answer;
    if answer != COMPLETE {
        return Err(CallError::Incomplete { answer });
    }
    // One write, so that the destination has all of it or nothing.
    let last_word = with_nonce(*YOURS, nonce);
    match stream.write(&last_word) {
        Ok(said) if said == last_word.len() => Ok(()),
        Ok(_) => Err(CallError::GaveUp(ErrorKind::WriteZero.into())),
        Err(error) => Err(CallError::GaveUp(error)),
    }
}

/// Why a machine stays in this process.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// Cannot connect to the path: most likely nobody listens there.
    Connect {
        /// The path of the socket.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// This process itself listens at the path.
    ThisProcess {
        /// The path of the socket.
        path: PathBuf,
    },
    /// The destination is not trusted.
    Peer(PeerError),
    /// The listener's queue of calls stayed full until the limit.
    Busy {
        /// The path of the socket.
        path: PathBuf,
        /// The time limit.
        limit: Duration,
    },
    /// The destination sent no whole offer within the limit.
    Silent {
        /// The path of the socket.
        path: PathBuf,
        /// The time limit.
        limit: Duration,
    },
    /// The connection ended before the destination sent its whole offer.
    NoAnswer(io::Error),
    /// An earlier poll of this call has succeeded or failed. Create a new call.
    Ended,
    /// The two sides cannot agree on a release.
    Negotiation(NegotiationError),
    /// The function that writes the machine returned this error.
    Machine(Box<dyn error::Error + Send + Sync>),
    /// `wake` became readable: this process was told to stop.
    Stopped,
    /// The destination did not take the whole machine, or could not build it.
    GaveUp(io::Error),
    /// The destination did not confirm that the machine is complete.
    Incomplete {
        /// The byte that it sent instead.
        answer: u8,
    },
}

impl From<PeerError> for CallError {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

impl From<NegotiationError> for CallError {
    fn from(error: NegotiationError) -> Self {
        Self::Negotiation(error)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { path, source } => write!(f, "cannot connect to {}: {source}", shown(path)),
            Self::ThisProcess { path } => write!(f, "this process itself listens at {}", shown(path)),
            Self::Peer(error) => write!(f, "{error}"),
            Self::Busy { path, limit } => {
                let limit = limit.as_secs_f64();
                write!(f, "the listener at {} accepted no call within {limit} s", shown(path))
            }
            Self::Silent { path, limit } => {
                let limit = limit.as_secs_f64();
                write!(f, "the listener at {} did not answer within {limit} s", shown(path))
            }
            Self::NoAnswer(error) => write!(f, "the connection ended before the whole offer came: {error}"),
            Self::Ended => f.write_str("this call has ended: create a new one"),
            Self::Negotiation(error) => write!(f, "{error}"),
            Self::Machine(error) => write!(f, "the machine could not be sent: {error}"),
            Self::Stopped => f.write_str(STOPPED),
            Self::GaveUp(error) => write!(f, "the destination gave up: {error}"),
            Self::Incomplete { answer } => {
                write!(
                    f,
                    "the destination did not confirm the machine: it sent the byte {answer:#04x}"
                )
            }
        }
    }
}

impl error::Error for CallError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Connect { source: error, .. } | Self::NoAnswer(error) | Self::GaveUp(error) => error.source(),
            Self::Peer(error) => error.source(),
            Self::Machine(error) => error.source(),
            _ => None,
        }
    }
}
