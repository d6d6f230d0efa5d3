//! Sixteen characters, oldest first.

use devstate_core::InvalidState;

use crate::spec::FIFO_LEN;

/// Up to sixteen characters in the order in which they came.
///
/// In 16450 mode only the first place is used, as the one-character buffer that the chip then is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fifo {
    /// The characters, the oldest at index 0. Zero beyond `len`.
    pub bytes: [u8; FIFO_LEN],
    /// How many there are, 0 to 16.
    pub len: u8,
}

impl Fifo {
    /// No characters.
    pub const EMPTY: Self = Self {
        bytes: [0; FIFO_LEN],
        len: 0,
    };

    /// The characters that are in it, oldest first.
    ///
    /// ```
    /// use devstate_serial_16550::Fifo;
    ///
    /// assert_eq!(Fifo::EMPTY.as_slice(), []);
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a character and says where it is, unless the FIFO is full.
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) -> Option<usize> {
        let index = usize::from(self.len);
        *self.bytes.get_mut(index)? = byte;
        self.len += 1;
        Some(index)
    }

    /// Takes the oldest character.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u8> {
        self.len = self.len.checked_sub(1)?;
        Some(shift_out(&mut self.bytes))
    }

    pub(crate) fn validate(
        &self,
        capacity: u8,
        len_field: &'static str,
        bytes_field: &'static str,
    ) -> Result<(), InvalidState> {
        if self.len > capacity {
            let reason = "more than the FIFO holds: 16, or 1 in 16450 mode";
            return Err(InvalidState::new(len_field, self.len.into(), reason));
        }
        let unused = (0u16..).zip(self.bytes).skip(self.len.into());
        for (index, byte) in unused {
            if byte != 0 {
                return Err(InvalidState::new(bytes_field, byte.into(), "places beyond `len` are 0").at(index));
            }
        }
        Ok(())
    }
}

/// Takes the first byte of `places`, moves the others up and clears the last. Two instructions for sixteen bytes.
#[inline]
pub(crate) fn shift_out(places: &mut [u8; FIFO_LEN]) -> u8 {
    let [first, ..] = *places;
    *places = (u128::from_le_bytes(*places) >> 8).to_le_bytes();
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_come_out_in_order_and_leave_zeroes() {
        let mut fifo = Fifo::EMPTY;
        for byte in 1..=16 {
            assert_eq!(fifo.push(byte), Some(usize::from(byte) - 1));
        }
        assert_eq!(fifo.push(17), None);
        for byte in 1..=16 {
            assert_eq!(fifo.pop(), Some(byte));
        }
        assert_eq!(fifo.pop(), None);
        assert_eq!(fifo, Fifo::EMPTY);
    }
}
