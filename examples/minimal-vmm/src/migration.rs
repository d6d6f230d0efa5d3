//! A machine that moves to another process.
//!
//! | who | says |
//! |---|---|
//! | destination | its offer (`devstate_versioning::negotiation`): its architecture and the releases that it reads; a nonce |
//! | source | that it answers this nonce |
//! | source | the snapshot, at the newest release that both have; then the image of the memory |
//! | destination | that the machine is complete |
//! | source | that it is the destination's now, with the nonce again |
//!
//! Until the source has said the last word the guest can go on there, and nowhere else; after it only at the
//! destination. So the destination has made everything that a running guest needs before it says that the machine is
//! complete, and if it gives up it makes sure that the last word can no longer be said.
//!
//! The guest runs until both have agreed on a release. Each part of the exchange has a limit as a whole, so that nobody is
//! waited for who says a byte now and then. The nonce is of one exchange: a stream that somebody has recorded makes no
//! second copy of the guest.

mod destination;
mod source;
#[cfg(test)]
mod tests;
mod timed;

use std::time::Duration;

pub use destination::{Arrival, receive};
pub use source::{Agreed, Call};

/// How long a destination may take to answer a call with its greeting. The guest runs meanwhile.
const CALL_LIMIT: Duration = Duration::from_secs(5);
/// How long a caller may take to answer the greeting: less than [`CALL_LIMIT`], so that a stranger who says nothing does not
/// keep a source away.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How long everything else may take. The guest stands still meanwhile.
const EXCHANGE_LIMIT: Duration = Duration::from_mins(1);

const COMPLETE: u8 = b'C';

/// Made by the destination for one exchange.
type Nonce = [u8; 16];

/// How the source answers the greeting, and what it says last. Each is followed by the nonce.
const ANSWER: &[u8; 8] = b"DVMMTAKE";
const YOURS: &[u8; 8] = b"DVMMYOUR";

fn with_nonce(word: [u8; 8], nonce: Nonce) -> [u8; 24] {
    let mut bytes = [0; 24];
    let (start, rest) = bytes.split_at_mut(8);
    start.copy_from_slice(&word);
    rest.copy_from_slice(&nonce);
    bytes
}
