//! The ring of bytes that keyboard and mouse have.

use devstate_i8042::{ByteQueue, InvalidState};

use super::section::Ps2Common;

const RING: i32 = 256;

/// The most bytes that QEMU's ring ever holds: 16 codes or packets, and 8 of replies.
pub(super) const MOST: usize = 24;

/// Returns the bytes of a ring, oldest first.
pub(super) fn contents(common: &Ps2Common) -> Result<ByteQueue<MOST>, InvalidState> {
    let Ps2Common {
        write_cmd: _,
        rptr,
        wptr,
        count,
        ref data,
    } = *common;
    let start = place("queue.rptr", rptr)?;
    place("queue.wptr", wptr)?;
    let Some(len) = usize::try_from(count).ok().filter(|len| *len <= MOST) else {
        return Err(invalid("queue.count", count, "there are 24 bytes at most"));
    };
    if wptr != (rptr + count) % RING {
        return Err(invalid(
            "queue.wptr",
            wptr,
            "as many bytes behind `queue.rptr` as there are",
        ));
    }
    let mut bytes = ByteQueue::EMPTY;
    for byte in data.iter().cycle().skip(start).take(len) {
        bytes.push(*byte);
    }
    Ok(bytes)
}

/// Returns how many bytes there are from the front of the ring to a place.
pub(super) fn distance(common: &Ps2Common, to: i32, field: &'static str) -> Result<usize, InvalidState> {
    place(field, to)?;
    let distance = (to - common.rptr).rem_euclid(RING);
    if distance > common.count {
        return Err(invalid(field, to, "no further than the queue's end"));
    }
    Ok(distance.cast_unsigned() as usize)
}

/// Returns a ring that begins with these bytes.
pub(super) fn ring(write_cmd: i32, bytes: &[u8]) -> Ps2Common {
    let mut data = [0; RING as usize];
    let mut count = 0;
    for (place, byte) in data.iter_mut().zip(bytes) {
        *place = *byte;
        count += 1;
    }
    Ps2Common {
        write_cmd,
        rptr: 0,
        wptr: count % RING,
        count,
        data,
    }
}

fn place(field: &'static str, value: i32) -> Result<usize, InvalidState> {
    let place = usize::try_from(value).ok().filter(|_| value < RING);
    place.ok_or_else(|| invalid(field, value, "the queue has 256 places"))
}

/// An error about a signed field.
pub(super) const fn invalid(field: &'static str, value: i32, reason: &'static str) -> InvalidState {
    InvalidState::new(field, value.cast_unsigned() as u64, reason)
}
