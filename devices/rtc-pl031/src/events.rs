//! The events of a device, for metrics and for the host's loop.

use core::ops::Deref;

/// Receives the events of a clock. Every method has a default body that does nothing.
///
/// Methods take `&self`, so that the host can share counters with the device. Anything that dereferences to a handler
/// is also a handler: `&E`, `Rc<E>`, `Arc<E>`, `Box<E>`.
///
/// ```
/// use core::cell::Cell;
/// use devstate_core::{Instant, NoInterrupt};
/// use devstate_rtc_pl031::{Rtc, RtcEvents};
///
/// #[derive(Default)]
/// struct Metrics {
///     invalid_reads: Cell<u64>,
/// }
/// impl RtcEvents for Metrics {
///     fn invalid_read(&self, _offset: u16) {
///         self.invalid_reads.set(self.invalid_reads.get() + 1);
///     }
/// }
///
/// let metrics = Metrics::default();
/// let mut rtc = Rtc::with_events(NoInterrupt, &metrics);
/// assert_eq!(rtc.read(0x20, Instant::EPOCH), 0);
/// assert_eq!(metrics.invalid_reads.get(), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event handler",
    label = "`RtcEvents` receives the device's events",
    note = "without a handler, use the constructor without events, or pass `NoEvents`",
    note = "implement `RtcEvents` for your type; every method has a default body"
)]
pub trait RtcEvents {
    /// The alarm went off, masked or not: RTCRIS went from 0 to 1.
    fn alarm(&self) {}

    /// The guest read an offset that cannot be read: reserved, write-only, unaligned or beyond the block. It read 0.
    fn invalid_read(&self, offset: u16) {
        let _ = offset;
    }

    /// The guest wrote to an offset that cannot be written: reserved, read-only, unaligned or beyond the block. The
    /// write was ignored.
    fn invalid_write(&self, offset: u16, value: u32) {
        let _ = (offset, value);
    }
}

/// Ignores all events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoEvents;

impl RtcEvents for NoEvents {}

#[diagnostic::do_not_recommend]
impl<P: Deref<Target: RtcEvents>> RtcEvents for P {
    fn alarm(&self) {
        (**self).alarm();
    }

    fn invalid_read(&self, offset: u16) {
        (**self).invalid_read(offset);
    }

    fn invalid_write(&self, offset: u16, value: u32) {
        (**self).invalid_write(offset, value);
    }
}
