//! The errors of received characters.

use core::ops::BitOr;

use crate::spec::lsr;

/// The errors of a received character, for [`Serial::receive_character`](crate::Serial::receive_character).
///
/// ```
/// use devstate_serial_16550::CharacterErrors;
///
/// let errors = CharacterErrors::PARITY | CharacterErrors::FRAMING;
/// assert_eq!(errors.lsr_bits(), 0x0c);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CharacterErrors(u8);

impl CharacterErrors {
    /// The character has no error.
    pub const NONE: Self = Self(0);
    /// The parity bit was wrong.
    pub const PARITY: Self = Self(lsr::PARITY);
    /// The stop bit was missing.
    pub const FRAMING: Self = Self(lsr::FRAMING);
    /// A break: the line was at space for a whole character. The character is received as 0, whatever value is passed
    /// with this error.
    pub const BREAK: Self = Self(lsr::BREAK);

    /// Returns the errors as bits of the line status register.
    #[must_use]
    pub const fn lsr_bits(self) -> u8 {
        self.0
    }
}

impl BitOr for CharacterErrors {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
