//! A short queue of bytes.

use devstate_core::InvalidState;

/// Bytes that wait for their turn, oldest first: at most `N`, which is at most 255. Bytes beyond the length are zero.
///
/// ```
/// use devstate_i8042::ByteQueue;
///
/// let queue = ByteQueue::<3>::from_array([0xfa, 0xaa]);
/// assert_eq!(queue.as_slice(), [0xfa, 0xaa]);
/// assert_eq!(queue.bytes, [0xfa, 0xaa, 0]);
/// assert!(ByteQueue::<3>::from_slice(&[1, 2, 3, 4]).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ByteQueue<const N: usize> {
    /// The bytes; from `len` on they are zero.
    pub bytes: [u8; N],
    /// How many there are.
    pub len: u8,
}

impl<const N: usize> ByteQueue<N> {
    /// No bytes.
    pub const EMPTY: Self = {
        assert!(N <= 255, "a queue's length is a byte");
        Self { bytes: [0; N], len: 0 }
    };

    /// A queue of these bytes, of which there are at most `N`: more do not compile.
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

    /// A queue of these bytes; `None` if they do not fit.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut queue = Self::EMPTY;
        queue.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        queue.len = bytes.len() as u8;
        Some(queue)
    }

    /// The bytes, oldest first.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes still fit below `limit`.
    pub(crate) const fn room(&self, limit: u8) -> u8 {
        limit.saturating_sub(self.len)
    }

    /// Takes the oldest byte.
    pub(crate) fn pop(&mut self) -> Option<u8> {
        if self.is_empty() {
            return None;
        }
        self.len -= 1;
        let mut moved = 0;
        for byte in self.bytes.iter_mut().rev() {
            core::mem::swap(byte, &mut moved);
        }
        Some(moved)
    }

    /// Adds a byte at the end, if it fits.
    pub(crate) fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(usize::from(self.len)) {
            *place = byte;
            self.len += 1;
        }
    }

    /// Adds all bytes if they fit below `limit`, or none.
    pub(crate) fn push_all(&mut self, bytes: &[u8], limit: u8) -> bool {
        let fits = bytes.len() <= usize::from(self.room(limit));
        if fits {
            for byte in bytes {
                self.push(*byte);
            }
        }
        fits
    }

    pub(crate) fn validate(&self, len_field: &'static str, bytes_field: &'static str) -> Result<(), InvalidState> {
        if usize::from(self.len) > N {
            return Err(InvalidState::new(
                len_field,
                self.len.into(),
                "longer than the queue holds",
            ));
        }
        for (index, byte) in (0u16..).zip(self.bytes).skip(self.len.into()) {
            if byte != 0 {
                return Err(InvalidState::new(bytes_field, byte.into(), "0 beyond the length").at(index));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_they_came_and_nothing_stays_behind() {
        let mut queue = ByteQueue::<3>::from_array([1, 2, 3]);
        assert_eq!(queue.as_slice(), [1, 2, 3]);
        assert_eq!([queue.pop(), queue.pop()], [Some(1), Some(2)]);
        assert_eq!(queue.bytes, [3, 0, 0]);
        assert!(!queue.push_all(&[4, 5, 6], 3));
        assert!(!queue.push_all(&[4, 5], 2));
        assert!(queue.push_all(&[4, 5], 3));
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(3), Some(4), Some(5)]);
        assert_eq!(queue.pop(), None);
        assert_eq!(queue, ByteQueue::EMPTY);
    }
}
