//! A short queue of bytes.

use crate::InvalidState;

/// Up to `N` bytes, oldest first: a FIFO, an output buffer. `N` is at most 255.
///
/// The fields are public because a queue is part of a device's state. A valid queue has at most `N` bytes and zeros
/// behind them; [`validate`](Self::validate) checks that. A length above `N` counts as `N` in every method, so that no
/// method reads outside the array.
///
/// ```
/// use devstate_core::ByteQueue;
///
/// let mut queue = ByteQueue::<3>::from_array([0xfa, 0xaa]);
/// assert_eq!(queue.as_slice(), [0xfa, 0xaa]);
/// assert_eq!(queue.bytes, [0xfa, 0xaa, 0]);
/// assert_eq!(queue.pop(), Some(0xfa));
/// assert!(ByteQueue::<3>::from_slice(&[1, 2, 3, 4]).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ByteQueue<const N: usize> {
    /// The bytes, the oldest at index 0. Zero from `len` on.
    pub bytes: [u8; N],
    /// The number of bytes.
    pub len: u8,
}

const WORD: usize = size_of::<usize>();

impl<const N: usize> ByteQueue<N> {
    /// The queue without bytes.
    pub const EMPTY: Self = {
        assert!(N <= 255, "a queue's length is a byte");
        Self { bytes: [0; N], len: 0 }
    };

    /// Creates a queue of `M` bytes. An `M` above `N` does not compile.
    #[must_use]
    pub fn from_array<const M: usize>(bytes: [u8; M]) -> Self {
        const { assert!(M <= N, "more bytes than the queue holds") };
        let mut queue = Self::EMPTY;
        for (place, byte) in queue.bytes.iter_mut().zip(bytes) {
            *place = byte;
        }
        queue.len = M as u8;
        queue
    }

    /// Creates a queue of these bytes, or returns `None` if there are more than `N`.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut queue = Self::EMPTY;
        // `copy_from_slice` has a panic, which `opt-level = "z"` links.
        let places = queue.bytes.get_mut(..bytes.len())?;
        for (place, byte) in places.iter_mut().zip(bytes) {
            *place = *byte;
        }
        queue.len = bytes.len() as u8;
        Some(queue)
    }

    /// Returns the bytes, oldest first.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes)
    }

    /// Returns `true` if the queue has no bytes.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the number of bytes that can be added until the queue has `limit`.
    #[inline]
    #[must_use]
    pub const fn room(&self, limit: u8) -> u8 {
        limit.saturating_sub(self.len)
    }

    /// Removes and returns the oldest byte.
    #[inline]
    pub fn pop(&mut self) -> Option<u8> {
        let last = self.len.checked_sub(1)?;
        self.len = if last as usize >= N {
            (N as u8).saturating_sub(1)
        } else {
            last
        };
        shift_out(&mut self.bytes)
    }

    /// Appends a byte and returns its index, or `None` if the queue is full.
    #[inline]
    pub fn push(&mut self, byte: u8) -> Option<usize> {
        let index = usize::from(self.len);
        *self.bytes.get_mut(index)? = byte;
        self.len += 1;
        Some(index)
    }

    /// Appends all of `bytes` and returns `true` if the queue then has at most `limit`. Otherwise it appends none.
    pub fn push_all(&mut self, bytes: &[u8], limit: u8) -> bool {
        let fits = bytes.len() <= usize::from(self.room(limit)).min(N.saturating_sub(self.len.into()));
        if fits && let Some(places) = self.bytes.get_mut(usize::from(self.len)..) {
            for (place, byte) in places.iter_mut().zip(bytes) {
                *place = *byte;
            }
            self.len += bytes.len() as u8;
        }
        fits
    }

    /// Checks that the queue has at most `limit` bytes and at most `N`, and zeros behind them.
    ///
    /// The field names are those that the error reports.
    ///
    /// # Errors
    ///
    /// The length, or the first byte behind it that is not 0.
    pub fn validate(&self, limit: u8, len_field: &'static str, bytes_field: &'static str) -> Result<(), InvalidState> {
        if self.len > limit || usize::from(self.len) > N {
            let reason = "longer than the queue";
            return Err(InvalidState::new(len_field, self.len.into(), reason));
        }
        // A word at a time; only a queue that is refused is searched.
        let (words, rest) = self.bytes.as_chunks::<WORD>();
        let last = core::array::from_fn(|index| rest.get(index).copied().unwrap_or(0));
        let mut used = u32::from(self.len) * 8;
        let mut beyond = 0;
        for word in words {
            beyond |= behind(*word, used);
            used = used.saturating_sub(usize::BITS);
        }
        beyond |= behind(last, used);
        if beyond == 0 {
            Ok(())
        } else {
            Err(self.beyond_the_length(bytes_field))
        }
    }

    #[cold]
    #[inline(never)]
    fn beyond_the_length(&self, field: &'static str) -> InvalidState {
        let mut unused = (0u16..).zip(self.bytes).skip(self.len.into());
        let (index, byte) = unused.find(|(_, byte)| *byte != 0).unwrap_or_default();
        InvalidState::new(field, byte.into(), "0 beyond the length").at(index)
    }
}

impl<const N: usize> Default for ByteQueue<N> {
    /// Returns [`EMPTY`](Self::EMPTY).
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Returns what is in a word behind its first `used` bits.
#[inline]
fn behind(word: [u8; WORD], used: u32) -> usize {
    usize::from_le_bytes(word).checked_shr(used).unwrap_or(0)
}

/// Removes the first byte, moves the others up and clears the last.
#[inline]
fn shift_out<const N: usize>(bytes: &mut [u8; N]) -> Option<u8> {
    let old = *bytes;
    let (first, rest) = old.split_first()?;
    let (last, front) = bytes.split_last_mut()?;
    for (place, byte) in front.iter_mut().zip(rest) {
        *place = *byte;
    }
    *last = 0;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came_and_leave_zeros() {
        let mut queue = ByteQueue::<3>::from_array([1, 2, 3]);
        assert_eq!(queue.push(9), None);
        assert_eq!([queue.pop(), queue.pop()], [Some(1), Some(2)]);
        assert_eq!(queue.bytes, [3, 0, 0]);
        assert!(!queue.push_all(&[4, 5, 6], 3));
        assert!(!queue.push_all(&[4, 5, 6], 9));
        assert!(!queue.push_all(&[4, 5], 2));
        assert!(queue.push_all(&[4, 5], 3));
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(3), Some(4), Some(5)]);
        assert_eq!(queue.pop(), None);
        assert_eq!(queue, ByteQueue::EMPTY);
    }

    #[test]
    fn a_length_above_the_capacity_counts_as_the_capacity() {
        let mut queue = ByteQueue {
            bytes: [1, 2, 3],
            len: 200,
        };
        assert_eq!(queue.validate(255, "len", "bytes").unwrap_err().value, 200);
        assert_eq!(queue.as_slice(), [1, 2, 3]);
        assert!(!queue.is_empty());
        assert_eq!(
            (queue.room(3), queue.push(4), queue.push_all(&[4], 255)),
            (0, None, false)
        );
        assert_eq!((queue.pop(), queue.as_slice()), (Some(1), [2, 3].as_slice()));
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(2), Some(3), None]);

        let mut nothing = ByteQueue::<0> { bytes: [], len: 1 };
        assert_eq!(nothing.as_slice(), []);
        assert_eq!((nothing.pop(), nothing.len), (None, 0));
    }

    #[test]
    fn a_byte_behind_the_length_is_refused() {
        let queue = ByteQueue {
            bytes: [1, 0, 3],
            len: 1,
        };
        let error = queue.validate(3, "rx.len", "rx.bytes").unwrap_err();
        assert_eq!((error.field, error.index, error.value), ("rx.bytes", Some(2), 3));
        assert_eq!(
            ByteQueue::<3>::from_array([1, 2])
                .validate(1, "len", "bytes")
                .unwrap_err()
                .field,
            "len"
        );
    }
}
