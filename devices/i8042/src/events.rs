//! The events of a device, for metrics and for the host's loop.

use core::ops::Deref;

use crate::key::Key;
use crate::mouse_input::MouseButtons;

/// Receives the events of a device. Every method has a default body that does nothing.
///
/// Methods take `&self`, so that the handler can be shared with the code that reads its counters. Anything that
/// dereferences to an event handler is also an event handler: `&E`, `Rc<E>`, `Arc<E>`, `Box<E>`.
///
/// ```
/// use core::cell::Cell;
/// use devstate_core::NoInterrupt;
/// use devstate_i8042::{I8042, I8042Events, NoControl};
///
/// #[derive(Default)]
/// struct Metrics {
///     resets: Cell<u64>,
/// }
/// impl I8042Events for Metrics {
///     fn reset_requested(&self) {
///         self.resets.set(self.resets.get() + 1);
///     }
/// }
///
/// let metrics = Metrics::default();
/// let mut i8042 = I8042::with_events(NoInterrupt, NoInterrupt, NoControl, &metrics);
/// i8042.write(4, 0xfe);
/// assert_eq!(metrics.resets.get(), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event handler",
    label = "`I8042Events` receives the device's events",
    note = "without a handler, use the constructor without events, or pass `NoEvents`",
    note = "implement `I8042Events` for your type; every method has a default body"
)]
pub trait I8042Events {
    /// The guest requested a reset of the machine, by a pulse or through the output port.
    fn reset_requested(&self) {}

    /// The guest sent a command that the controller does not know. It was ignored.
    fn unknown_controller_command(&self, command: u8) {
        let _ = command;
    }

    /// A reply of the controller replaced one that the guest had not read.
    fn controller_reply_lost(&self) {}

    /// The guest read the data port while the output buffer was empty. It got the last byte again.
    fn nothing_to_read(&self) {}

    /// The password was typed: keyboard and mouse are unlocked.
    fn password_matched(&self) {}

    /// The guest sent a command that the keyboard does not know. The reply was FE (resend).
    fn unknown_keyboard_command(&self, command: u8) {
        let _ = command;
    }

    /// A key sent nothing. Either scanning is disabled, or the scan-code set has no code for the key, or the key
    /// repeated while the keyboard could not send.
    fn key_ignored(&self, key: Key, pressed: bool) {
        let _ = (key, pressed);
    }

    /// The keyboard's buffer is full. With [`key`](crate::I8042::key), all codes of the key are lost, and an overrun code
    /// follows those in the buffer. With [`key_as_sent`](crate::I8042::key_as_sent), only the excess is lost, and no
    /// overrun code follows.
    fn key_lost(&self, key: Key, pressed: bool) {
        let _ = (key, pressed);
    }

    /// The keyboard has nothing more to send: the guest read the last byte, or a command, a reset or a restore cleared
    /// the buffer. Keys for which [`key`](crate::I8042::key) returned `false` can be repeated.
    fn keyboard_emptied(&self) {}

    /// The guest sent a command that the mouse does not know. There was no reply.
    fn unknown_mouse_command(&self, command: u8) {
        let _ = command;
    }

    /// The mouse's queue is full. The rest of the report waits for [`report_mouse`](crate::I8042::report_mouse).
    fn mouse_packet_delayed(&self) {}

    /// These buttons changed at least three times before a packet could report it. A click is lost; the last change is
    /// reported.
    fn mouse_click_lost(&self, buttons: MouseButtons) {
        let _ = buttons;
    }

    /// A reply of the mouse did not fit, and replaced the replies that the guest had not read.
    fn mouse_reply_lost(&self) {}

    /// The mouse has nothing more to send: the guest read the last byte, or a reset or a restore cleared the queue. If
    /// a report was delayed, call [`report_mouse`](crate::I8042::report_mouse).
    fn mouse_emptied(&self) {}

    /// The guest read at an offset without a register. It got [`OUT_OF_RANGE`](crate::spec::OUT_OF_RANGE).
    fn invalid_read(&self, offset: u16) {
        let _ = offset;
    }

    /// The guest wrote at an offset without a register. The write was ignored.
    fn invalid_write(&self, offset: u16, value: u8) {
        let _ = (offset, value);
    }
}

/// An event handler that ignores all events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoEvents;

impl I8042Events for NoEvents {}

#[diagnostic::do_not_recommend]
impl<P: Deref<Target: I8042Events>> I8042Events for P {
    fn reset_requested(&self) {
        (**self).reset_requested();
    }

    fn unknown_controller_command(&self, command: u8) {
        (**self).unknown_controller_command(command);
    }

    fn controller_reply_lost(&self) {
        (**self).controller_reply_lost();
    }

    fn nothing_to_read(&self) {
        (**self).nothing_to_read();
    }

    fn password_matched(&self) {
        (**self).password_matched();
    }

    fn unknown_keyboard_command(&self, command: u8) {
        (**self).unknown_keyboard_command(command);
    }

    fn key_ignored(&self, key: Key, pressed: bool) {
        (**self).key_ignored(key, pressed);
    }

    fn key_lost(&self, key: Key, pressed: bool) {
        (**self).key_lost(key, pressed);
    }

    fn keyboard_emptied(&self) {
        (**self).keyboard_emptied();
    }

    fn unknown_mouse_command(&self, command: u8) {
        (**self).unknown_mouse_command(command);
    }

    fn mouse_packet_delayed(&self) {
        (**self).mouse_packet_delayed();
    }

    fn mouse_click_lost(&self, buttons: MouseButtons) {
        (**self).mouse_click_lost(buttons);
    }

    fn mouse_reply_lost(&self) {
        (**self).mouse_reply_lost();
    }

    fn mouse_emptied(&self) {
        (**self).mouse_emptied();
    }

    fn invalid_read(&self, offset: u16) {
        (**self).invalid_read(offset);
    }

    fn invalid_write(&self, offset: u16, value: u8) {
        (**self).invalid_write(offset, value);
    }
}
