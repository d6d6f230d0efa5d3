//! Queues of bytes, and codes that mean nothing.

use devstate_i8042::{ByteQueue, InvalidState};
use heapless::Vec;

/// Bytes beyond the length of a queue are zero and are not written. (`collect` would have a panic for too many.)
pub(crate) fn to_wire<const N: usize>(queue: &ByteQueue<N>) -> Vec<u8, N> {
    Vec::from_slice(queue.as_slice()).unwrap_or_default()
}

pub(crate) fn from_wire<const N: usize>(bytes: &Vec<u8, N>) -> ByteQueue<N> {
    // Both hold `N`, so nothing can be too long.
    let mut queue = ByteQueue::EMPTY;
    for (place, byte) in queue.bytes.iter_mut().zip(bytes) {
        *place = *byte;
    }
    queue.len = bytes.len() as u8;
    queue
}

pub(crate) fn unknown<T>(field: &'static str, code: u8) -> Result<T, InvalidState> {
    Err(InvalidState::new(field, code.into(), "no such code"))
}
