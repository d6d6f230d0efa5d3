//! The events of a device, for metrics and for the host's loop.

use core::ops::Deref;

use crate::line::LineParameters;
use crate::modem::ModemOutputs;

/// Receives the events of a UART. Every method has a default body that does nothing.
///
/// Methods take `&self`, so that the host can share counters with the device. Anything that dereferences to a handler
/// is also a handler: `&E`, `Rc<E>`, `Arc<E>`, `Box<E>`. For each lost character there is exactly one event.
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

    /// The policy discarded `count` characters that the output did not take. They are lost.
    fn output_discarded(&self, count: usize) {
        let _ = count;
    }

    /// The guest wrote a character while the output was stalled and the transmitter was full. One character is lost: in
    /// FIFO mode the new one, in 16450 mode the waiting one.
    fn transmit_overrun(&self) {}

    /// The guest, a reset or a restore cleared the transmitter. `count` characters are lost.
    fn transmit_discarded(&self, count: usize) {
        let _ = count;
    }

    /// A character was received, from outside or through the loopback.
    fn received(&self) {}

    /// A character was received with a parity or framing error, or as a break.
    fn received_with_errors(&self) {}

    /// A character is lost because the receiver was full: in FIFO mode the new one, in 16450 mode the unread one.
    fn receive_overrun(&self) {}

    /// A character came from outside while loopback disconnected the receiver. It is lost.
    fn receive_disconnected(&self) {}

    /// The guest, a reset or a restore cleared the receiver. `count` characters are lost.
    fn receive_discarded(&self, count: usize) {
        let _ = count;
    }

    /// The receiver has room again: if characters wait, call [`receive`](crate::Serial::receive).
    ///
    /// If `receive` took fewer characters than the host offered, this event always follows. It comes:
    ///
    /// - when the guest has read the last character, cleared the FIFO, switched the FIFOs or left loopback;
    /// - with flow control, when the guest has asserted DTR and RTS;
    /// - at line rate, when the next character is due;
    /// - after a reset, a restore or another [`Config`](crate::Config).
    ///
    /// It may also come when no character waits.
    fn receive_ready(&self) {}

    /// The receive time-out passed: for four character times no character arrived, and the guest read none from the
    /// FIFO.
    fn timed_out(&self) {}

    /// The guest changed the modem's outputs (section 8.8).
    fn modem_outputs_changed(&self, outputs: ModemOutputs) {
        let _ = outputs;
    }

    /// The guest begins (`true`) or ends a break (section 8.1, bit 6).
    fn break_changed(&self, active: bool) {
        let _ = active;
    }

    /// The guest programmed another frame or speed. It writes the divisor in two halves, so there are two events.
    fn line_changed(&self, line: LineParameters) {
        let _ = line;
    }

    /// The guest read outside the register block.
    fn invalid_read(&self, offset: u16) {
        let _ = offset;
    }

    /// The guest wrote outside the register block, or to a read-only register (LSR or MSR). The write was ignored.
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
