//! A machine that moves from one process to another, and is always in one of them.
//!
//! | step | sender | message |
//! |---|---|---|
//! | 1 | destination | an offer ([`devstate_versioning::negotiation`]): its architecture and the releases that it reads; a nonce |
//! | 2 | source | "accepted", with the nonce |
//! | 3 | source | the machine: whatever its VMM writes, at the newest release that both have |
//! | 4 | destination | "complete" |
//! | 5 | source | "yours", with the nonce: the final message |
//!
//! The guest may run at the source until the source sends the final message. After that, it may run only at the destination.
//! So the destination creates everything that a running guest needs before it sends "complete". If the destination gives
//! up, it first closes the stream, so that the final message cannot be delivered any more.
//!
//! The guest runs until both have agreed on a release: [`Call::poll`] never blocks. Each part of the exchange has one limit
//! ([`Limits`]), and a peer cannot extend it by sending single bytes. The nonce belongs to one exchange: a recorded stream
//! does not make a second copy of the guest.
//!
//! Each side checks that the other one belongs to the same user, or to root. The stream is neither encrypted nor signed.
//!
//! ```
//! use devstate_socket::Listener;
//! use devstate_socket::migration::{Call, Destination, Limits};
//! use devstate_versioning::{Options, ReleaseTable, Versioned, max_snapshot_len, release_table};
//! use std::io::Write;
//! use std::os::{fd::AsFd, unix::net::UnixStream};
//! # use std::error::Error;
//!
//! #[derive(Versioned, Clone, Debug, Default, PartialEq)]
//! #[versioned(version = 1, layouts(open))]
//! pub struct MachineSer {
//!     pub count: u32,
//! }
//! release_table! {
//!     pub enum Release { V1 = 1 @ open }
//!     MachineSer => [1],
//! }
//!
//! // The destination builds its machine from what it reads. `caller` comes from `accept` of a `Listener`.
//! fn receive(caller: UnixStream) -> Result<MachineSer, Box<dyn Error + Send + Sync>> {
//!     let (wake, _stop) = std::io::pipe()?; // becomes readable when the process must stop
//!     let destination = Destination::<Release, MachineSer>::new(Release::LATEST, Limits::default());
//!     let machine = destination.take(caller, wake.as_fd(), |stream| -> Result<_, Box<dyn Error + Send + Sync>> {
//!         let (mut buffer, mut mirror) = ([0; max_snapshot_len::<MachineSer>()], MachineSer::default());
//!         let snapshot = Options::NATIVE.read_from(stream, &mut buffer)?;
//!         Release::load(snapshot, &mut mirror)?;
//!         Ok(mirror)
//!     })?;
//!     Ok(machine)
//! }
//!
//! let directory = tempfile::tempdir()?;
//! let path = directory.path().join("move");
//! let listener = Listener::stream(&path)?;
//! # // A process does not call itself: here the caller is another one's.
//! # let (there, caller) = UnixStream::pair()?;
//! # let _ = &listener;
//! let destination = std::thread::spawn(move || receive(caller));
//!
//! // The source: its guest runs until both have agreed.
//! let mut call = Call::<Release, MachineSer>::new(&path, Release::V1..=Release::LATEST, Limits::default());
//! # let mut call = call.over(there)?;
//! let agreed = loop {
//!     match call.poll()? {
//!         Some(agreed) => break agreed,
//!         None => std::thread::yield_now(), // here the guest runs
//!     }
//! };
//! let machine = MachineSer { count: 42 };
//! let mut buffer = [0; max_snapshot_len::<MachineSer>()];
//! let snapshot = agreed.release().downgrade(&machine, &mut MachineSer::default())?.save(&mut buffer)?.to_vec();
//! let (wake, _stop) = std::io::pipe()?;
//! agreed.send(wake.as_fd(), |stream| stream.write_all(&snapshot))?; // after an error the guest is still here
//! assert_eq!(destination.join().unwrap().unwrap(), machine);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod destination;
mod source;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use destination::{Destination, TakeError};
pub use source::{Agreed, Call, CallError};

/// The time limits for the parts of an exchange.
///
/// ```
/// use devstate_socket::migration::Limits;
/// use std::time::Duration;
///
/// const LARGE_MACHINES: Limits = Limits::DEFAULT.with_exchange(Duration::from_secs(600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The time that a destination may take to answer a call with its offer. The guest runs during this time.
    pub call: Duration,
    /// The time that the destination waits for the caller to accept the offer. Choose less than `call`: then one silent
    /// caller does not make the next one wait too long.
    pub answer: Duration,
    /// The time for the rest: the machine and the final message. The guest is stopped during this time. At the
    /// destination the time starts when its offer is accepted, and at the source when [`Agreed::send`] is called. So
    /// call `send` at once.
    pub exchange: Duration,
}

impl Limits {
    /// Five seconds for `call`, two seconds for `answer`, and one minute for `exchange`.
    pub const DEFAULT: Self = Self {
        call: Duration::from_secs(5),
        answer: Duration::from_secs(2),
        exchange: Duration::from_secs(60),
    };

    /// Returns limits with another [`call`](Self::call).
    #[must_use]
    pub const fn with_call(self, call: Duration) -> Self {
        Self { call, ..self }
    }

    /// Returns limits with another [`answer`](Self::answer).
    #[must_use]
    pub const fn with_answer(self, answer: Duration) -> Self {
        Self { answer, ..self }
    }

    /// Returns limits with another [`exchange`](Self::exchange).
    #[must_use]
    pub const fn with_exchange(self, exchange: Duration) -> Self {
        Self { exchange, ..self }
    }
}

impl Default for Limits {
    /// Returns [`Limits::DEFAULT`].
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the destination says when the machine is complete.
const COMPLETE: u8 = b'C';

/// Made by the destination for one exchange.
type Nonce = [u8; 16];

/// How the source answers the offer, and what it says last. Each is followed by the nonce.
const ANSWER: &[u8; 8] = b"DVMMTAKE";
const YOURS: &[u8; 8] = b"DVMMYOUR";

fn with_nonce(word: [u8; 8], nonce: Nonce) -> [u8; 24] {
    let mut bytes = [0; 24];
    let (start, rest) = bytes.split_at_mut(8);
    start.copy_from_slice(&word);
    rest.copy_from_slice(&nonce);
    bytes
}
