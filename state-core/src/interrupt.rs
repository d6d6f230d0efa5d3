//! Level-triggered interrupt lines, and an adapter to edge-triggered interrupts.

use core::cell::Cell;
use core::ops::Deref;
#[cfg(target_has_atomic = "8")]
use core::sync::atomic::{AtomicBool, Ordering};

/// The wire from a device to an interrupt controller. The host implements it, and the device drives it.
///
/// The device's state alone determines the level. A device drives the line when that level changes, and once after a
/// restore: an interrupt that is pending when the state is saved is pending after the restore.
///
/// Anything that dereferences to a [`SharedLevel`] is also an interrupt line, such as `&Cell<bool>` or
/// `Arc<AtomicBool>`:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use devstate_core::InterruptLine;
///
/// let level = Arc::new(AtomicBool::new(false));
/// let mut line = Arc::clone(&level);
/// line.set_level(true);
/// assert!(level.load(Ordering::Acquire));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an interrupt line",
    label = "`InterruptLine` drives levels",
    note = "for an edge-triggered interrupt, such as an eventfd behind irqfd: implement `Trigger` and pass `RisingEdge::new(trigger)`",
    note = "for a device that is polled: pass `NoInterrupt`"
)]
pub trait InterruptLine {
    /// Drives the line high (`true`) or low.
    ///
    /// The call cannot fail. An implementation that can fail stores its error for the host, as [`RisingEdge`] does.
    fn set_level(&mut self, asserted: bool);
}

/// An interrupt line that is not connected. Use it for a device that the guest polls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoInterrupt;

impl InterruptLine for NoInterrupt {
    fn set_level(&mut self, _asserted: bool) {}
}

/// A level that can be set through a shared reference. Implement it for a signal of your own that several owners share.
///
/// Anything that dereferences to such a level is an [`InterruptLine`]: `&Cell<bool>`, `Rc<Cell<bool>>`,
/// `Arc<AtomicBool>`, `Box<dyn SharedLevel>`.
pub trait SharedLevel {
    /// Sets the level: high (`true`) or low.
    fn set_level(&self, asserted: bool);
}

impl SharedLevel for Cell<bool> {
    fn set_level(&self, asserted: bool) {
        self.set(asserted);
    }
}

#[cfg(target_has_atomic = "8")]
impl SharedLevel for AtomicBool {
    /// Stores the level with release ordering: a thread that loads it with acquire ordering also sees all earlier
    /// actions of the device.
    fn set_level(&self, asserted: bool) {
        self.store(asserted, Ordering::Release);
    }
}

#[diagnostic::do_not_recommend]
impl<P: Deref<Target: SharedLevel>> InterruptLine for P {
    fn set_level(&mut self, asserted: bool) {
        (**self).set_level(asserted);
    }
}

/// Signals an edge-triggered interrupt: an `eventfd` behind `irqfd`, a software interrupt.
///
/// The trait is the same as vm-superio's `Trigger`: to reuse an implementation, change only the name of the trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a trigger",
    label = "`RisingEdge` needs a `Trigger`",
    note = "implement `devstate_core::Trigger` for your own type around it: `fn trigger(&self)` signals once, such as `EventFd::write(1)`"
)]
pub trait Trigger {
    /// The error of the signalling mechanism.
    type E;

    /// Signals once.
    ///
    /// # Errors
    ///
    /// The error of the signalling mechanism.
    fn trigger(&self) -> Result<(), Self::E>;
}

impl<T: Trigger + ?Sized> Trigger for &T {
    type E = T::E;

    fn trigger(&self) -> Result<(), Self::E> {
        (**self).trigger()
    }
}

/// Turns levels into edges: signals a [`Trigger`] each time a device drives the line high.
///
/// A device drives the line when its level changes, and once after a restore. So a high level after a restore signals
/// again, even if the level was already high. An edge-triggered controller needs this signal. In the worst case the
/// guest has nothing to do, but it never waits for a lost interrupt.
///
/// ```
/// use core::cell::Cell;
/// use devstate_core::{InterruptLine, RisingEdge, Trigger};
///
/// struct Signals(Cell<u32>);
/// impl Trigger for Signals {
///     type E = ();
///     fn trigger(&self) -> Result<(), ()> {
///         self.0.set(self.0.get() + 1);
///         Ok(())
///     }
/// }
///
/// let signals = Signals(Cell::new(0));
/// let mut line = RisingEdge::new(&signals);
/// line.set_level(true);
/// line.set_level(false);
/// line.set_level(true);
/// assert_eq!(signals.0.get(), 2);
/// // After a restore into the same device.
/// line.set_level(true);
/// assert_eq!(signals.0.get(), 3);
/// assert!(line.take_error().is_none());
/// ```
#[derive(Debug)]
pub struct RisingEdge<T: Trigger> {
    trigger: T,
    error: Option<T::E>,
}

impl<T: Trigger> RisingEdge<T> {
    /// Creates an adapter whose line is low.
    pub const fn new(trigger: T) -> Self {
        Self { trigger, error: None }
    }

    /// Returns the trigger.
    pub const fn trigger(&self) -> &T {
        &self.trigger
    }

    /// Removes and returns the latest error of the trigger.
    pub fn take_error(&mut self) -> Option<T::E> {
        self.error.take()
    }
}

impl<T: Trigger> InterruptLine for RisingEdge<T> {
    fn set_level(&mut self, asserted: bool) {
        if asserted && let Err(error) = self.trigger.trigger() {
            self.error = Some(error);
        }
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
    fn an_edge_adapter_keeps_the_triggers_error_until_it_is_taken() {
        let mut line = RisingEdge::new(Broken);
        line.set_level(false);
        assert_eq!(line.take_error(), None);
        line.set_level(true);
        assert_eq!(line.take_error(), Some(7));
        assert_eq!(line.take_error(), None);
    }
}
