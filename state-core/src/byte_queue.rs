//! A short queue of bytes.

use crate::InvalidState;

/// A queue of up to `N` bytes, oldest first. Devices use it for FIFOs and output buffers. `N` is at most 255.
///
/// The fields are public because a queue is part of a device's state. A valid queue has at most `N` bytes and zeros
/// after them; [`validate`](Self::validate) checks that. Every method treats a length above `N` as `N`, so no method
/// reads outside the array.
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
    /// The empty queue.
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
        let start = usize::from(self.len);
        let end = start + bytes.len();
        if end > usize::from(limit) {
            return false;
        }
        let Some(places) = self.bytes.get_mut(start..end) else {
            return false;
        };
        for (place, byte) in places.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.len = end as u8;
        true
    }

    /// Checks that the queue has at most `limit` bytes and at most `N`, and zeros after them.
    ///
    /// `len_field` and `bytes_field` are the field names in the error.
    ///
    /// # Errors
    ///
    /// The length if it is too large, or the first byte after the contents that is not 0.
    pub fn validate(&self, limit: u8, len_field: &'static str, bytes_field: &'static str) -> Result<(), InvalidState> {
        if self.len > limit || usize::from(self.len) > N {
            let reason = "longer than the queue";
            return Err(InvalidState::new(len_field, self.len.into(), reason));
        }
        // Most queues are empty, and only a queue that is refused is searched.
        if self.bytes == [0; N] || self.has_zeros_beyond() {
            Ok(())
        } else {
            Err(self.beyond_the_length(bytes_field))
        }
    }

    /// Looks at a word at a time.
    #[inline]
    fn has_zeros_beyond(&self) -> bool {
        let (words, rest) = self.bytes.as_chunks::<WORD>();
        let last = core::array::from_fn(|index| rest.get(index).copied().unwrap_or(0));
        let mut used = usize::from(self.len);
        let mut beyond = 0;
        for word in words {
            if used < WORD {
                beyond |= behind(*word, used);
                used = 0;
            } else {
                used -= WORD;
            }
        }
        if used < WORD {
            beyond |= behind(last, used);
        }
        beyond == 0
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

/// Returns what is in a word behind its first `used` bytes, which are not all of it.
#[inline]
fn behind(word: [u8; WORD], used: usize) -> usize {
    usize::from_le_bytes(word) >> (used * 8)
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

    /// Every length, with every byte by itself set: words are whole, cut, or a rest.
    fn finds_each_byte<const N: usize>() {
        for len in 0..=N {
            for index in 0..N {
                let mut queue = ByteQueue::<N>::EMPTY;
                queue.len = len as u8;
                queue.bytes[index] = 0x80;
                let found = queue.validate(255, "len", "bytes").err().map(|error| error.index);
                let expected = (index >= len).then_some(Some(index as u16));
                assert_eq!(found, expected, "byte {index} of {len} in {N}");
            }
        }
    }

    #[test]
    fn each_byte_behind_each_length_is_found() {
        finds_each_byte::<1>();
        finds_each_byte::<3>();
        finds_each_byte::<8>();
        finds_each_byte::<13>();
        finds_each_byte::<16>();
        finds_each_byte::<24>();
    }

    #[test]
    fn bytes_are_appended_as_long_as_limit_and_capacity_allow() {
        for len in 0..=3_usize {
            for more in 0..=4_usize {
                for limit in 0..=5_u8 {
                    let before = ByteQueue::<3>::from_slice(&[7; 3][..len]).unwrap();
                    let mut queue = before;
                    let fits = len + more <= usize::from(limit).min(3);
                    assert_eq!(queue.push_all(&[8; 4][..more], limit), fits);
                    let appended = if fits { more } else { 0 };
                    let mut expected = before;
                    for _ in 0..appended {
                        expected.push(8);
                    }
                    assert_eq!(queue, expected, "{len} and {more}, at most {limit}");
                }
            }
        }
    }
}
