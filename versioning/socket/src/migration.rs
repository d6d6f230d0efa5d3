//! A machine that moves from one process to another, and is always in one of them.
//!
//! | who | says |
//! |---|---|
//! | destination | its offer ([`devstate_versioning::negotiation`]): its architecture and the releases that it reads; a nonce |
//! | source | that it answers this nonce |
//! | source | the machine: whatever its VMM writes, at the newest release that both have |
//! | destination | that the machine is complete |
//! | source | that it is the destination's now, with the nonce again |
//!
//! Until the source has said the last word, the guest can continue there, and nowhere else. After it, the guest can continue
//! only at the destination. So the destination creates everything that a running guest needs before it says that the
//! machine is complete. If it gives up, it makes sure that the last word can no longer be said.
//!
//! The guest runs until both have agreed on a release: [`Call::poll`] never blocks. Each part of the exchange has a limit as
//! a whole ([`Limits`]), so a peer that sends a byte now and then is not waited for. The nonce belongs to one exchange: a
//! recorded stream does not make a second copy of the guest.
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
//! # #[derive(Versioned, Clone, Debug, Default, PartialEq)]
//! # #[versioned(version = 1, layouts(open))]
//! # pub struct MachineSer {
//! #     pub count: u32,
//! # }
//! # release_table! {
//! #     pub enum Release { V1 = 1 @ open }
//! #     MachineSer => [1],
//! # }
//!
//! // The destination: it builds its machine from what comes, and says only then that the machine is complete.
//! fn receive(caller: UnixStream) -> Result<MachineSer, Box<dyn Error + Send + Sync>> {
//!     let (wake, _stop) = std::io::pipe()?; // readable when the process is told to stop
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

/// How long each part of an exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a destination may take to answer a call with its offer. The guest runs meanwhile.
    pub call: Duration,
    /// How long a caller may take to answer the offer. It should be less than `call`: then a caller who says nothing does not
    /// keep others away.
    pub answer: Duration,
    /// How long the rest may take together: the machine, and the last word. The guest stands still meanwhile.
    pub exchange: Duration,
}

impl Default for Limits {
    /// Five seconds, two seconds, and one minute.
    fn default() -> Self {
        Self {
            call: Duration::from_secs(5),
            answer: Duration::from_secs(2),
            exchange: Duration::from_secs(60),
        }
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
