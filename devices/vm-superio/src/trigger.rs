//! Edge-triggered interrupts.

use core::fmt::Debug;

/// Signals an event once, such as an `eventfd` behind `irqfd`.
pub trait Trigger {
    /// The error of the signalling mechanism.
    type E: Debug;

    /// Signals once.
    ///
    /// # Errors
    ///
    /// The error of the signalling mechanism.
    fn trigger(&self) -> Result<(), Self::E>;
}

/// A [`Trigger`] for the devices.
#[derive(Debug)]
pub(crate) struct Edge<T>(pub(crate) T);

impl<T: Trigger> devstate_core::Trigger for Edge<T> {
    type E = T::E;

    fn trigger(&self) -> Result<(), T::E> {
        self.0.trigger()
    }
}
