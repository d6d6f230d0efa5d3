//! The error for an impossible state.

use core::fmt;

/// The error for a saved state with a value that the device cannot have.
///
/// After this error of a restore, the device is unchanged.
///
/// ```
/// use devstate_core::InvalidState;
///
/// let error = InvalidState::new("keyboard.scan_code_set", 7, "the sets are 1, 2 and 3");
/// assert_eq!(error.to_string(), "invalid state: keyboard.scan_code_set is 7: the sets are 1, 2 and 3");
/// let error = InvalidState::new("rx", 0x20, "no such error bit").at(3);
/// assert_eq!(error.to_string(), "invalid state: rx[3] is 32: no such error bit");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InvalidState {
    /// The path of the field from the device's state, such as `mouse.sample_rate`.
    pub field: &'static str,
    /// The index of the element, if the field is an array.
    pub index: Option<u16>,
    /// The value of the field.
    pub value: u64,
    /// The values that the field may have.
    pub reason: &'static str,
}

impl InvalidState {
    /// Creates an error about a whole field.
    #[must_use]
    pub const fn new(field: &'static str, value: u64, reason: &'static str) -> Self {
        Self {
            field,
            index: None,
            value,
            reason,
        }
    }

    /// Returns the error about one element of an array.
    #[must_use]
    pub const fn at(mut self, index: u16) -> Self {
        self.index = Some(index);
        self
    }
}

impl fmt::Display for InvalidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid state: {}", self.field)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        write!(f, " is {}: {}", self.value, self.reason)
    }
}

impl core::error::Error for InvalidState {}
