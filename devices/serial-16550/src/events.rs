//! The events of a device, for metrics and for the host's loop.

use core::ops::Deref;

/// Told what happens in a device. Every method has a default that does nothing.
///
/// Methods take `&self`, so that counters can be shared with whoever reads them; an implementation for `&E` is there.
/// Where a character is lost, exactly one method says so.
///
/// ```
/// use core::cell::Cell;
/// use devstate_core::{Instant, NoInterrupt};
/// use devstate_serial_16550::{AlwaysReady, Serial, SerialEvents};
///
/// #[derive(Default)]
/// struct Metrics {
///     transmitted: Cell<u64>,
/// }
/// impl SerialEvents for Metrics {
///     fn transmitted(&self) {
///         self.transmitted.set(self.transmitted.get() + 1);
///     }
/// }
///
/// let metrics = Metrics::default();
/// let mut console = [0; 8];
/// let mut serial = Serial::with_events(NoInterrupt, AlwaysReady(&mut console[..]), &metrics);
/// serial.write(0, b'!', Instant::EPOCH);
/// assert_eq!(metrics.transmitted.get(), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event handler",
    label = "`SerialEvents` receives the device's events",
    note = "without a handler, use the constructor without events, or pass `NoEvents`",
    note = "implement `SerialEvents` for your type; every method has a default body"
)]
pub trait SerialEvents {
    /// The output took a character.
    fn transmitted(&self) {}

    /// The output was not ready, or took nothing: the character stays.
    fn output_stalled(&self) {}

    /// The output failed: the character stays.
    fn output_failed(&self) {}

    /// The guest wrote more than fits while the output stalls: the oldest character that was waiting is lost.
    fn transmit_overwritten(&self) {}

    /// The guest cleared the transmitter, or a reset did: `count` characters are lost.
    fn transmit_discarded(&self, count: usize) {
        let _ = count;
    }

    /// A character came in, from outside or looped back.
    fn received(&self) {}

    /// A character came in with parity or framing error, or as a break.
    fn received_with_errors(&self) {}

    /// A character is lost since the receiver was full: the new one in FIFO mode, the unread one in 16450 mode.
    fn receive_overrun(&self) {}

    /// A character was sent to a receiver that loopback has disconnected: it is lost.
    fn receive_disconnected(&self) {}

    /// The guest cleared the receiver, or a reset did: `count` characters are lost.
    fn receive_discarded(&self, count: usize) {
        let _ = count;
    }

    /// The guest read the last character: a good moment to call [`receive`](crate::Serial::receive) with more.
    fn receive_emptied(&self) {}

    /// Characters lay in the receive FIFO for four character times.
    fn timed_out(&self) {}

    /// The guest read outside the register block.
    fn invalid_read(&self, offset: u16) {
        let _ = offset;
    }

    /// The guest wrote outside the register block, or to a register that is only read (LSR and MSR): ignored.
    fn invalid_write(&self, offset: u16, value: u8) {
        let _ = (offset, value);
    }
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoEvents;

impl SerialEvents for NoEvents {}

#[diagnostic::do_not_recommend]
impl<P: Deref<Target: SerialEvents>> SerialEvents for P {
    fn transmitted(&self) {
        (**self).transmitted();
    }

    fn output_stalled(&self) {
        (**self).output_stalled();
    }

    fn output_failed(&self) {
        (**self).output_failed();
    }

    fn transmit_overwritten(&self) {
        (**self).transmit_overwritten();
    }

    fn transmit_discarded(&self, count: usize) {
        (**self).transmit_discarded(count);
    }

    fn received(&self) {
        (**self).received();
    }

    fn received_with_errors(&self) {
        (**self).received_with_errors();
    }

    fn receive_overrun(&self) {
        (**self).receive_overrun();
    }

    fn receive_disconnected(&self) {
        (**self).receive_disconnected();
    }

    fn receive_discarded(&self, count: usize) {
        (**self).receive_discarded(count);
    }

    fn receive_emptied(&self) {
        (**self).receive_emptied();
    }

    fn timed_out(&self) {
        (**self).timed_out();
    }

    fn invalid_read(&self, offset: u16) {
        (**self).invalid_read(offset);
    }

    fn invalid_write(&self, offset: u16, value: u8) {
        (**self).invalid_write(offset, value);
    }
}
