//! Queues of bytes, and the error for unknown codes.

use devstate_i8042::{ByteQueue, InvalidState};
use heapless::Vec;

/// Copies the whole array and cuts it off: a copy of fixed length takes less than a call that copies a part. `M` is at most
/// `N`, or it does not compile.
pub(crate) fn to_wire<const M: usize, const N: usize>(queue: &ByteQueue<M>) -> Vec<u8, N> {
    let mut bytes = Vec::from_array(queue.bytes);
    bytes.truncate(queue.len.into());
    bytes
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
