//! A server that loses at most one thread to a hostile client.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::room::{Lent, Room};
use super::socket::{PacketError, PacketSocket};
use crate::Listener;
use crate::peer::check_peer;

/// How often a server reports what waits.
const WATCH: Duration = Duration::from_secs(1);

/// Limits for the clients of a [`Server`].
///
/// ```
/// use devstate_socket::packets::Limits;
///
/// const LIMITS: Limits = Limits::DEFAULT.with_clients(16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The time that a client may be silent before the server closes the connection. A client has the same time to
    /// accept an answer. Not zero.
    pub patience: Duration,
    /// The number of clients that are served at once, each by one thread. Other clients wait. At least 1.
    pub clients: usize,
    /// The time that a client is served while others wait. At least one request is served. Without this limit, a client
    /// that always sends something would keep its place for ever.
    pub turn: Duration,
    /// The number of threads that close the descriptors of clients. At least 1.
    pub closers: usize,
    /// The maximum number of descriptors of clients that are open: those of the requests that are served, and those that
    /// wait to be closed. At least [`MAX_DESCRIPTORS`](super::MAX_DESCRIPTORS).
    ///
    /// A request with descriptors is received only if there is room for [`MAX_DESCRIPTORS`](super::MAX_DESCRIPTORS). If
    /// there is no room for 50 ms, for example because all closers hang, it is refused
    /// ([`NoRoom`](PacketError::NoRoom)), and its connection waits to be closed. Requests without descriptors are still
    /// answered. Up to [`clients`](Self::clients) connections wait in addition to the descriptors. After that, each
    /// further connection with descriptors blocks the thread of a client until there is room.
    ///
    /// The process must be able to open as many descriptors, and three more for each of the [`clients`](Self::clients).
    pub descriptors: usize,
}

impl Limits {
    /// A patience of two seconds, 128 clients, a turn of ten seconds, 32 closers, and 512 descriptors. A process can
    /// usually open 1024.
    pub const DEFAULT: Self = Self {
        patience: Duration::from_secs(2),
        clients: 128,
        turn: Duration::from_secs(10),
        closers: 32,
        descriptors: 512,
    };

    /// Returns limits with another [`patience`](Self::patience).
    #[must_use]
    pub const fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Returns limits with another number of [`clients`](Self::clients).
    #[must_use]
    pub const fn with_clients(self, clients: usize) -> Self {
        Self { clients, ..self }
    }

    /// Returns limits with another [`turn`](Self::turn).
    #[must_use]
    pub const fn with_turn(self, turn: Duration) -> Self {
        Self { turn, ..self }
    }

    /// Returns limits with another number of [`closers`](Self::closers).
    #[must_use]
    pub const fn with_closers(self, closers: usize) -> Self {
        Self { closers, ..self }
    }

    /// Returns limits with another number of [`descriptors`](Self::descriptors).
    #[must_use]
    pub const fn with_descriptors(self, descriptors: usize) -> Self {
        Self { descriptors, ..self }
    }
}

impl Default for Limits {
    /// Returns [`Limits::DEFAULT`].
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Answers the requests of a [`Server`]'s clients.
pub trait Service: Sync {
    /// The type of a request. Not `()`: see [`PacketError::Empty`].
    ///
    /// A client chooses the bytes. So the type must not contain itself, as a tree does: a deep one overflows the stack and
    /// ends the process. Nor must it contain a sequence whose elements have no bytes, such as `Vec<()>`: a few bytes can
    /// claim any number of elements.
    type Request: DeserializeOwned;
    /// The type of an answer. Not `()`, which a client sees as a closed connection.
    type Answer: Serialize;
    /// The state that is kept for one client between its requests.
    type Client: Default;

    /// Answers a request, with a descriptor if there is one to send. `descriptors` came with the request.
    ///
    /// A system call on such a descriptor can wait as long as the client wants. So do not hold a lock that other
    /// clients need during such a call. A panic ends the connection of the client. The server continues, unless the
    /// program aborts on panic.
    fn answer(
        &self,
        client: &mut Self::Client,
        request: Self::Request,
        descriptors: &[OwnedFd],
    ) -> (Self::Answer, Option<OwnedFd>);

    /// Returns the answer that is sent before the server closes the connection. The client belongs to another user
    /// (`Peer`), its packet is not a request (`PacketTooLong`, `Garbage`, `LostDescriptors`) or was not received
    /// (`NoRoom`), or its answer cannot be sent (`MessageTooLong`, `Empty`, `Unserializable`).
    fn refuse(&self, error: &PacketError) -> Self::Answer;
}

/// A report of a running [`Server`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Report {
    /// The system allows this process fewer threads than [`Limits::clients`].
    FewerClients {
        /// The number of clients that are served at once.
        clients: usize,
        /// The system's error.
        error: io::Error,
    },
    /// The number of descriptors and connections of clients that wait to be closed. It is reported once a second, even
    /// if it is 0. If it does not decrease, all threads that close descriptors hang.
    Waiting {
        /// The number of waiting descriptors.
        descriptors: usize,
    },
}

/// Answers the clients of a listener, each in a thread of its own.
///
/// All threads are created at the start. A client can block a system call on a descriptor that it sent, or the closing
/// of this descriptor. Each of them blocks one thread only.
///
/// ```
/// use devstate_socket::Listener;
/// use devstate_socket::packets::{Limits, PacketError, PacketSocket, Server, Service};
/// use std::os::fd::OwnedFd;
/// use std::time::Duration;
///
/// struct Doubles;
///
/// impl Service for Doubles {
///     type Request = u32;
///     type Answer = Result<u64, String>;
///     type Client = ();
///
///     fn answer(&self, _: &mut (), request: u32, _: &[OwnedFd]) -> (Self::Answer, Option<OwnedFd>) {
///         (Ok(2 * u64::from(request)), None)
///     }
///
///     fn refuse(&self, error: &PacketError) -> Self::Answer {
///         Err(error.to_string())
///     }
/// }
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("socket");
/// let server: Server<256> = Server::new(Listener::seqpacket(&path)?, Limits::DEFAULT.with_clients(2));
/// std::thread::spawn(move || server.run(&Doubles, &|_report| ()));
///
/// let client = PacketSocket::<256>::connect(&path, Duration::from_secs(1))?;
/// let (answer, _) = client.ask::<u32, Result<u64, String>>(&21, &[])?;
/// assert_eq!(answer, Ok(42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server<const LEN: usize> {
    listener: Listener<OwnedFd>,
    limits: Limits,
}

impl<const LEN: usize> Server<LEN> {
    /// Creates a server for a listener. Its clients send and receive packets of up to `LEN` bytes.
    #[must_use]
    pub fn new(listener: Listener<OwnedFd>, limits: Limits) -> Self {
        Self { listener, limits }
    }

    /// Serves for ever. Calls `report` in this thread.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if the patience is zero. Returns the system's error if no thread can be created. One
    /// thread is sufficient: it closes descriptors. Then the calling thread serves one client at a time, and reports
    /// nothing more.
    pub fn run<S: Service>(&self, service: &S, report: &dyn Fn(Report)) -> io::Result<Infallible> {
        if self.limits.patience.is_zero() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "a server without patience serves nobody",
            ));
        }
        let wanted = self.limits.clients.max(1);
        let running = &Running {
            server: self,
            service,
            room: Room::new(self.limits.descriptors, wanted),
        };
        thread::scope(|scope| {
            let spawn = |run: fn(&Running<'_, S, LEN>) -> Infallible| {
                let thread = thread::Builder::new();
                thread.spawn_scoped(scope, move || match run(running) {}).map(drop)
            };
            // Without the first one there is no server; after it nothing can be given up any more.
            spawn(|running| running.room.closer().run())?;
            let mut clients = 0;
            while clients < wanted {
                if let Err(error) = spawn(|running| match running.work() {}) {
                    let clients = clients.max(1);
                    report(Report::FewerClients { clients, error });
                    break;
                }
                clients += 1;
            }
            if clients == 0 {
                match running.work() {}
            }
            // Those that there are close everything.
            let _ = (1..self.limits.closers).try_for_each(|_| spawn(|running| running.room.closer().run()));
            loop {
                thread::sleep(WATCH);
                let descriptors = running.room.closer().waiting();
                report(Report::Waiting { descriptors });
            }
        })
    }
}

/// What the threads of a server share.
struct Running<'s, S, const LEN: usize> {
    server: &'s Server<LEN>,
    service: &'s S,
    room: Room,
}

impl<S: Service, const LEN: usize> Running<'_, S, LEN> {
    /// Serves one client after the other.
    fn work(&self) -> Infallible {
        loop {
            match PacketSocket::accept(&self.server.listener) {
                Ok(client) => {
                    // A client that goes away, hangs, or makes the service panic, is its own affair.
                    let _ = catch_unwind(AssertUnwindSafe(|| self.serve(&client)));
                    self.room.hang_up(client);
                }
                // Out of descriptors, or of memory: it gets better.
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Returns whether a client waits for a thread, where all have one.
    fn is_wanted(&self) -> bool {
        let mut waiting = [PollFd::new(&self.server.listener, PollFlags::IN)];
        poll(&mut waiting, Some(&Timespec::default())) == Ok(1)
    }

    /// Answers one client until it goes away, or until its turn is over and another one waits.
    fn serve(&self, client: &PacketSocket<LEN>) -> Result<(), PacketError> {
        let Limits { patience, turn, .. } = self.server.limits;
        client.set_patience(patience)?;
        if let Err(error) = check_peer(client).map_err(PacketError::Peer) {
            return client.send(&self.service.refuse(&error), &[]);
        }
        let start = Instant::now();
        let mut remembered = S::Client::default();
        let mut lent = Lent::new(&self.room);
        loop {
            let answered = lent.receive(client).and_then(|request| {
                let (answer, descriptor) = self.service.answer(&mut remembered, request, &lent.descriptors);
                let sent = client.send(&answer, descriptor.as_ref().map(AsFd::as_fd).as_slice());
                lent.descriptors.extend(descriptor);
                sent
            });
            if let Err(error) = &answered
                && is_told(error)
            {
                let _ = client.send(&self.service.refuse(error), &[]);
            }
            lent.give_back();
            answered?;
            if start.elapsed() > turn && self.is_wanted() {
                return Ok(());
            }
        }
    }
}

/// Returns `true` if the server sends the error to the client before it closes the connection. The client has no other answer yet.
fn is_told(error: &PacketError) -> bool {
    use PacketError::{Empty, Garbage, LostDescriptors, MessageTooLong, NoRoom, PacketTooLong, Unserializable};
    matches!(
        error,
        MessageTooLong { .. }
            | PacketTooLong { .. }
            | Garbage
            | LostDescriptors
            | NoRoom { .. }
            | Empty
            | Unserializable(_)
    )
}

#[cfg(test)]
mod tests;
