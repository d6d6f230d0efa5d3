//! The events of a device, for metrics and for the host's loop.

use core::ops::Deref;

use crate::line::LineParameters;
use crate::modem::ModemOutputs;

/// Receives the events of a UART. Every method has a default body that does nothing.
///
/// Methods take `&self`, so that the host can share counters with the device. Anything that dereferences to a handler is
/// one: `&E`, `Rc<E>`, `Arc<E>`, `Box<E>`. Where a character is lost, exactly one event says so.
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

    /// The output was not ready, or took nothing. [`Config::stalled_output`](crate::Config::stalled_output) decides what
    /// happens to the character.
    fn output_stalled(&self) {}

    /// The output returned an error. [`Config::failed_output`](crate::Config::failed_output) decides what happens to the
    /// character.
    fn output_failed(&self) {}

    /// The output did not take `count` characters, and the policy discarded them: they are lost.
    fn output_discarded(&self, count: usize) {
        let _ = count;
    }

    /// The guest wrote more than fits while the output stalls. One character is lost: the new one in FIFO mode, the one
    /// that waited in 16450 mode.
    fn transmit_overrun(&self) {}

    /// The guest cleared the transmitter, or a reset or restore did: `count` characters are lost.
    fn transmit_discarded(&self, count: usize) {
        let _ = count;
    }

    /// A character came in, from outside or looped back.
    fn received(&self) {}

    /// A character came in with parity or framing error, or as a break.
    fn received_with_errors(&self) {}

    /// A character is lost because the receiver was full: the new one in FIFO mode, the unread one in 16450 mode.
    fn receive_overrun(&self) {}

    /// A character was sent to a receiver that loopback has disconnected: it is lost.
    fn receive_disconnected(&self) {}

    /// The guest cleared the receiver, or a reset or restore did: `count` characters are lost.
    fn receive_discarded(&self, count: usize) {
        let _ = count;
    }

    /// [`receive`](crate::Serial::receive) takes characters again: call it if characters wait.
    ///
    /// After `receive` took fewer characters than it was offered, this event always follows. It comes:
    ///
    /// - when the guest has read the last character, cleared the FIFO, switched the FIFOs or left loopback;
    /// - with flow control, when the guest has asserted DTR and RTS;
    /// - at line rate, when the next character is due;
    /// - after a reset, a restore or another [`Config`](crate::Config).
    ///
    /// It may also come when nothing waits.
    fn receive_ready(&self) {}

    /// The receive time-out passed: for four character times, none came in and the guest read none of those in the FIFO.
    fn timed_out(&self) {}

    /// The guest drives the modem's outputs anew (section 8.8).
    fn modem_outputs_changed(&self, outputs: ModemOutputs) {
        let _ = outputs;
    }

    /// The guest begins (`true`) or ends a break (section 8.1, bit 6).
    fn break_changed(&self, active: bool) {
        let _ = active;
    }

    /// The guest programmed another frame or speed. It writes the divisor in two halves, which are two events.
    fn line_changed(&self, line: LineParameters) {
        let _ = line;
    }

    /// The guest read outside the register block.
    fn invalid_read(&self, offset: u16) {
        let _ = offset;
    }

    /// The guest wrote outside the register block, or to a register that is only read (LSR and MSR): ignored.
    fn invalid_write(&self, offset: u16, value: u8) {
        let _ = (offset, value);
    }
}

/// Ignores all events.
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

    fn output_discarded(&self, count: usize) {
        (**self).output_discarded(count);
    }

    fn transmit_overrun(&self) {
        (**self).transmit_overrun();
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

    fn receive_ready(&self) {
        (**self).receive_ready();
    }

    fn timed_out(&self) {
        (**self).timed_out();
    }

    fn modem_outputs_changed(&self, outputs: ModemOutputs) {
        (**self).modem_outputs_changed(outputs);
    }

    fn break_changed(&self, active: bool) {
        (**self).break_changed(active);
    }

    fn line_changed(&self, line: LineParameters) {
        (**self).line_changed(line);
    }

    fn invalid_read(&self, offset: u16) {
        (**self).invalid_read(offset);
    }

    fn invalid_write(&self, offset: u16, value: u8) {
        (**self).invalid_write(offset, value);
    }
}
