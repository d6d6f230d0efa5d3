//! The side that waits for a machine.

use std::io::{self, ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::{error, fmt};

use devstate_versioning::negotiation::Offer;
use devstate_versioning::wire::RowOf;
use devstate_versioning::{Architecture, ReleaseTable};
use rustix::rand::{GetRandomFlags, getrandom};

use super::{ANSWER, COMPLETE, Limits, Nonce, YOURS, with_nonce};
use crate::peer::{PeerError, check_peer};
use crate::timed::{STOPPED, TimedStream};

/// Takes over machines from other processes. `R` is the release table, and `M` is the root mirror of the machine's
/// snapshot.
#[derive(Debug)]
pub struct Destination<R, M> {
    newest: R,
    limits: Limits,
    mirror: PhantomData<fn() -> M>,
}

impl<R: ReleaseTable, M: RowOf<R>> Destination<R, M> {
    /// Creates a destination that reads every release up to `newest`.
    #[must_use]
    pub const fn new(newest: R, limits: Limits) -> Self {
        Self {
            newest,
            limits,
            mirror: PhantomData,
        }
    }

    /// Takes a machine over from `caller`, which [`Listener::stream`](crate::Listener::stream) accepted. `receive`
    /// reads the whole machine from the stream, for instance a snapshot and then the memory. It creates everything that
    /// the guest needs to run. When `wake` becomes readable, the exchange ends with [`TakeError::Stopped`].
    ///
    /// After `Ok` the guest runs nowhere else: run it here.
    ///
    /// # Errors
    ///
    /// Returns [`TakeError`]. The source still has its guest: drop everything that `receive` created. You can accept
    /// the next caller.
    pub fn take<T, E>(
        &self,
        caller: UnixStream,
        wake: BorrowedFd<'_>,
        receive: impl FnOnce(&mut TimedStream<'_>) -> Result<T, E>,
    ) -> Result<T, TakeError>
    where
        E: Into<Box<dyn error::Error + Send + Sync>>,
    {
        check_peer(&caller).map_err(TakeError::Peer)?;
        let mut nonce = Nonce::default();
        let filled = getrandom(&mut nonce, GetRandomFlags::empty()).map_err(|errno| TakeError::Nonce(errno.into()))?;
        if filled < nonce.len() {
            return Err(TakeError::Nonce(ErrorKind::UnexpectedEof.into()));
        }
        let mut stream = TimedStream::new(caller, self.limits.answer, wake).map_err(TakeError::NoMachine)?;
        let taken = self.receive(&mut stream, nonce, receive);
        taken.map_err(|error| if stream.is_stopped() { TakeError::Stopped } else { error })
    }

    fn receive<T, E>(
        &self,
        stream: &mut TimedStream<'_>,
        nonce: Nonce,
        receive: impl FnOnce(&mut TimedStream<'_>) -> Result<T, E>,
    ) -> Result<T, TakeError>
    where
        E: Into<Box<dyn error::Error + Send + Sync>>,
    {
        self.greet(stream, nonce).map_err(TakeError::NoMachine)?;
        let mut answer = [0; 24];
        stream.read_exact(&mut answer).map_err(TakeError::NoMachine)?;
        if !answer.starts_with(ANSWER) {
            let [found @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = answer;
            return Err(TakeError::Foreign { found });
        }
        if answer != with_nonce(*ANSWER, nonce) {
            return Err(TakeError::Recorded);
        }
        stream.restart(self.limits.exchange);
        let machine = receive(stream).map_err(|error| TakeError::Machine(error.into()))?;
        stream.write_all(&[COMPLETE]).map_err(TakeError::Kept)?;
        take_last_word(stream, nonce)?;
        Ok(machine)
    }

    /// Says which releases are read, and the nonce.
    pub(super) fn greet(&self, stream: &mut impl Write, nonce: Nonce) -> io::Result<()> {
        for record in Offer::<R, M>::new(Architecture::NATIVE, self.newest) {
            stream.write_all(&record)?;
        }
        stream.write_all(&nonce)
    }
}

/// Whoever gives up here must not leave a source that believes that its final message came: the guest would run nowhere.
pub(super) fn take_last_word(stream: &mut TimedStream<'_>, nonce: Nonce) -> Result<(), TakeError> {
    let (mut word, expected) = ([0; 24], with_nonce(*YOURS, nonce));
    // The source says it with one write.
    let (heard, error) = match stream.read(&mut word) {
        Ok(_) if word == expected => return Ok(()),
        Ok(0) => (0, ErrorKind::UnexpectedEof.into()),
        Ok(len) => {
            let message = "it sent something else than the final message";
            (len, io::Error::new(ErrorKind::InvalidData, message))
        }
        Err(error) => (0, error),
    };
    // It may have said it already, also behind bytes of the machine that this build does not know.
    let mut all: Vec<_> = word.into_iter().take(heard).collect();
    // What it takes counts, also if it fails behind that.
    let _ = stream.close_and_take(&mut all);
    if all.ends_with(&expected) {
        Ok(())
    } else {
        Err(TakeError::Kept(error))
    }
}

/// Why no machine was received.
#[derive(Debug)]
#[non_exhaustive]
pub enum TakeError {
    /// The caller is not trusted.
    Peer(PeerError),
    /// The system gave no random bytes for the nonce.
    Nonce(io::Error),
    /// The caller did not answer the offer, or not in time.
    NoMachine(io::Error),
    /// The caller does not speak this protocol.
    Foreign {
        /// The first eight bytes that it sent.
        found: [u8; 8],
    },
    /// The caller accepts another offer than this one. It may be a recording of an earlier exchange.
    Recorded,
    /// The function that receives the machine returned this error.
    Machine(Box<dyn error::Error + Send + Sync>),
    /// `wake` became readable: this process was told to stop. The source still has its guest.
    Stopped,
    /// The source did not send the final message, so it still has its guest.
    Kept(io::Error),
}

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(error) => write!(f, "{error}"),
            Self::Nonce(error) => write!(f, "cannot make a nonce: {error}"),
            Self::NoMachine(error) => write!(f, "the caller did not accept the offer: {error}"),
            Self::Foreign { found } => {
                write!(
                    f,
                    "the caller does not speak this protocol: it sent \"{}\"",
                    found.escape_ascii()
                )
            }
            Self::Recorded => f.write_str("the caller accepts another offer than this one: it may be a recording"),
            Self::Machine(error) => write!(f, "{error}"),
            Self::Stopped => f.write_str(STOPPED),
            Self::Kept(error) => write!(f, "the source kept its machine: {error}"),
        }
    }
}

impl error::Error for TakeError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Peer(error) => error.source(),
            Self::Machine(error) => error.source(),
            Self::Nonce(error) | Self::NoMachine(error) | Self::Kept(error) => error.source(),
            Self::Foreign { .. } | Self::Recorded | Self::Stopped => None,
        }
    }
}
