//! The losses of a conversion between QEMU's device and ours.

use core::fmt;
use devstate_core::InvalidState;

/// A value that the other device's state cannot express.
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
    /// The field. In a conversion from QEMU this is QEMU's name. In a conversion to QEMU it is the path from our
    /// device's state.
    pub field: &'static str,
    /// The value of the field. For an array, the number of lost elements.
    pub value: i64,
    /// The reason for the loss.
    pub reason: &'static str,
    /// `true` if no guest can see the loss.
    pub ignorable: bool,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}: {}", self.field, self.value, self.reason)
    }
}

/// Why a conversion was refused. A refused conversion has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Refused {
    /// The state is impossible for a device.
    Invalid(InvalidState),
    /// The conversion would lose this value.
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

/// Reports losses to a visitor. The visitor returns `true` to accept a loss.
pub struct Losses<'v> {
    visit: &'v mut dyn FnMut(&Loss) -> bool,
}

impl fmt::Debug for Losses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Losses").finish_non_exhaustive()
    }
}

impl<'v> Losses<'v> {
    /// Creates the reporter from the caller's visitor.
    pub const fn new(visit: &'v mut dyn FnMut(&Loss) -> bool) -> Self {
        Self { visit }
    }

    /// Reports a loss that a guest can see.
    ///
    /// # Errors
    ///
    /// [`Refused::Lost`] if the visitor does not accept the loss.
    pub fn lose(&mut self, field: &'static str, value: impl Into<i64>, reason: &'static str) -> Result<(), Refused> {
        self.tell(field, value.into(), reason, false)
    }

    /// Reports a loss that no guest can see.
    ///
    /// # Errors
    ///
    /// [`Refused::Lost`] if the visitor does not accept the loss.
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
