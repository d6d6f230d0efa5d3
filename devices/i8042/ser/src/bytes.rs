//! Queues of bytes, and codes that mean nothing.

use devstate_i8042::{ByteQueue, InvalidState};
use heapless::Vec;

/// Bytes beyond the length of a queue are zero and are not written. (`collect` would have a panic for too many.)
pub(crate) fn to_wire<const N: usize>(queue: &ByteQueue<N>) -> Vec<u8, N> {
    Vec::from_slice(queue.as_slice()).unwrap_or_default()
}

pub(crate) fn from_wire<const N: usize>(bytes: &Vec<u8, N>) -> ByteQueue<N> {
    let mut queue = ByteQueue::EMPTY;
    fill(&mut queue, bytes);
    queue
}

/// Appends bytes, as many as there is room for. Queues hold few, so that a loop takes less than a call that copies.
pub(crate) fn fill<const N: usize>(queue: &mut ByteQueue<N>, bytes: &[u8]) {
    let places = queue.bytes.iter_mut().skip(queue.len.into());
    for (place, byte) in places.zip(bytes) {
        *place = *byte;
        queue.len += 1;
    }
}

pub(crate) fn unknown<T>(field: &'static str, code: u8) -> Result<T, InvalidState> {
    Err(InvalidState::new(field, code.into(), "no such code"))
}
