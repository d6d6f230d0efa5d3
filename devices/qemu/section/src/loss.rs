//! What a conversion between QEMU's device and ours loses.

use core::fmt;
use devstate_core::InvalidState;

/// A value that the other side has no place for.
///
/// ```
/// use devstate_qemu_section::Loss;
///
/// let loss = Loss { field: "mouse_resolution", value: 7, reason: "the resolutions are 0 to 3", ignorable: false };
/// assert_eq!(loss.to_string(), "mouse_resolution is 7: the resolutions are 0 to 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Loss {
    /// The field: QEMU's name, or for the way to QEMU the path from the device's state.
    pub field: &'static str,
    /// Its value, or for an array the number of elements that are lost.
    pub value: i64,
    /// Why it is lost.
    pub reason: &'static str,
    /// `true` if a guest does not see it.
    pub ignorable: bool,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}: {}", self.field, self.value, self.reason)
    }
}

/// A conversion was refused, and gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Refused {
    /// No device can be in this state.
    Invalid(InvalidState),
    /// It would have lost this.
    Lost(Loss),
}

impl From<InvalidState> for Refused {
    fn from(error: InvalidState) -> Self {
        Self::Invalid(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => error.fmt(f),
            Self::Lost(loss) => write!(f, "would be lost: {loss}"),
        }
    }
}

impl core::error::Error for Refused {}

/// Calls a visitor with each loss. The visitor returns `true` to accept it.
pub struct Losses<'v> {
    visit: &'v mut dyn FnMut(&Loss) -> bool,
}

impl fmt::Debug for Losses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Losses").finish_non_exhaustive()
    }
}

impl<'v> Losses<'v> {
    /// Creates it from the caller's visitor.
    pub const fn new(visit: &'v mut dyn FnMut(&Loss) -> bool) -> Self {
        Self { visit }
    }

    /// Tells of a loss that a guest can see.
    ///
    /// # Errors
    ///
    /// [`Refused::Lost`], if the visitor does not accept it.
    pub fn lose(&mut self, field: &'static str, value: impl Into<i64>, reason: &'static str) -> Result<(), Refused> {
        self.tell(field, value.into(), reason, false)
    }

    /// Tells of a loss that no guest sees.
    ///
    /// # Errors
    ///
    /// [`Refused::Lost`], if the visitor does not accept it.
    pub fn ignore(&mut self, field: &'static str, value: impl Into<i64>, reason: &'static str) -> Result<(), Refused> {
        self.tell(field, value.into(), reason, true)
    }

    fn tell(&mut self, field: &'static str, value: i64, reason: &'static str, ignorable: bool) -> Result<(), Refused> {
        let loss = Loss {
            field,
            value,
            reason,
            ignorable,
        };
        if (self.visit)(&loss) {
            Ok(())
        } else {
            Err(Refused::Lost(loss))
        }
    }
}
