//! Interrupt lines as levels, and the adapter for hosts that want edges.

use core::cell::Cell;
#[cfg(target_has_atomic = "8")]
use core::sync::atomic::{AtomicBool, Ordering};

/// The wire from a device to an interrupt controller.
///
/// The level is a pure function of the device's state. A device drives the line whenever that level changes, and
/// once after a restore, so an interrupt that was raised and not yet served survives being saved.
///
/// ```
/// use core::cell::Cell;
/// use devstate_core::InterruptLine;
///
/// let level = Cell::new(false);
/// let mut line = &level;
/// line.set_level(true);
/// assert!(level.get());
/// ```
///
/// A device that moves between threads takes a `&AtomicBool` in the place of the `&Cell<bool>`.
pub trait InterruptLine {
    /// Drives the line high (`true`) or low. It cannot fail: an implementation that can keeps its error for the
    /// host to ask for, as [`RisingEdge`] does.
    fn set_level(&mut self, asserted: bool);
}

/// A line that is not connected; for devices that are polled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoInterrupt;

impl InterruptLine for NoInterrupt {
    fn set_level(&mut self, _asserted: bool) {}
}

impl InterruptLine for &Cell<bool> {
    fn set_level(&mut self, asserted: bool) {
        self.set(asserted);
    }
}

#[cfg(target_has_atomic = "8")]
impl InterruptLine for &AtomicBool {
    fn set_level(&mut self, asserted: bool) {
        // Whoever sees the line high also sees what the device did before.
        self.store(asserted, Ordering::Release);
    }
}

impl<L: InterruptLine + ?Sized> InterruptLine for &mut L {
    fn set_level(&mut self, asserted: bool) {
        (**self).set_level(asserted);
    }
}

/// Something that can be kicked: an `eventfd` behind `irqfd`, a software interrupt.
///
/// Its shape is vm-superio's `Trigger`: an implementation for that one is repeated for this one by its name alone.
pub trait Trigger {
    /// What can go wrong.
    type E;

    /// Kicks once.
    ///
    /// # Errors
    ///
    /// Whatever the mechanism behind it reports.
    fn trigger(&self) -> Result<(), Self::E>;
}

impl<T: Trigger + ?Sized> Trigger for &T {
    type E = T::E;

    fn trigger(&self) -> Result<(), Self::E> {
        (**self).trigger()
    }
}

/// Turns a level into edges: kicks a [`Trigger`] each time the line goes from low to high.
///
/// It starts low, so a restored device whose level is high kicks again. That is what an edge-triggered controller
/// needs after a restore: at worst the guest finds nothing to do, but it never waits for an interrupt that was lost.
///
/// ```
/// use core::cell::Cell;
/// use devstate_core::{InterruptLine, RisingEdge, Trigger};
///
/// struct Kicks(Cell<u32>);
/// impl Trigger for Kicks {
///     type E = ();
///     fn trigger(&self) -> Result<(), ()> {
///         self.0.set(self.0.get() + 1);
///         Ok(())
///     }
/// }
///
/// let kicks = Kicks(Cell::new(0));
/// let mut line = RisingEdge::new(&kicks);
/// line.set_level(true);
/// line.set_level(true);
/// line.set_level(false);
/// line.set_level(true);
/// assert_eq!(kicks.0.get(), 2);
/// assert!(line.take_error().is_none());
/// ```
#[derive(Debug)]
pub struct RisingEdge<T: Trigger> {
    trigger: T,
    level: bool,
    error: Option<T::E>,
}

impl<T: Trigger> RisingEdge<T> {
    /// An adapter whose line is low.
    pub const fn new(trigger: T) -> Self {
        Self {
            trigger,
            level: false,
            error: None,
        }
    }

    /// The trigger.
    pub const fn trigger(&self) -> &T {
        &self.trigger
    }

    /// The trigger's latest error, which is forgotten by asking.
    pub fn take_error(&mut self) -> Option<T::E> {
        self.error.take()
    }
}

impl<T: Trigger> InterruptLine for RisingEdge<T> {
    fn set_level(&mut self, asserted: bool) {
        if asserted
            && !self.level
            && let Err(error) = self.trigger.trigger()
        {
            self.error = Some(error);
        }
        self.level = asserted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl Trigger for Broken {
        type E = u8;

        fn trigger(&self) -> Result<(), u8> {
            Err(7)
        }
    }

    #[test]
    fn an_edge_adapter_keeps_its_triggers_error_until_asked() {
        let mut line = RisingEdge::new(Broken);
        line.set_level(false);
        assert_eq!(line.take_error(), None);
        line.set_level(true);
        assert_eq!(line.take_error(), Some(7));
        assert_eq!(line.take_error(), None);
    }
}
