//! What happened, for metrics and for hosts that want to be told.

use crate::key::Key;

/// Told what happens in a device. Every method has a default that does nothing.
///
/// Methods take `&self`, so that counters can be shared with whoever reads them; an implementation for `&E` is there.
///
/// ```
/// use core::cell::Cell;
/// use devstate_core::NoInterrupt;
/// use devstate_i8042::{I8042, I8042Events, Key, NoControl};
///
/// #[derive(Default)]
/// struct Metrics {
///     lost: Cell<u64>,
/// }
/// impl I8042Events for Metrics {
///     fn key_lost(&self, _key: Key, _pressed: bool) {
///         self.lost.set(self.lost.get() + 1);
///     }
/// }
///
/// let metrics = Metrics::default();
/// let mut i8042 = I8042::with_events(NoInterrupt, NoInterrupt, NoControl, &metrics);
/// for _ in 0..17 {
///     i8042.key(Key::A, true);
/// }
/// assert_eq!(metrics.lost.get(), 1);
/// ```
pub trait I8042Events {
    /// The guest asked for a reset of the machine, through the output port or by a pulse.
    fn reset_requested(&self) {}

    /// A command that the controller does not know. Nothing happened.
    fn unknown_controller_command(&self, command: u8) {
        let _ = command;
    }

    /// A reply of the controller that the guest had not read was replaced by another one.
    fn controller_reply_lost(&self) {}

    /// The guest read the data port while nothing was there, and got the last byte again.
    fn nothing_to_read(&self) {}

    /// The password was typed: keyboard and mouse are free.
    fn password_matched(&self) {}

    /// A command that the keyboard does not know. It asked to send it again.
    fn unknown_keyboard_command(&self, command: u8) {
        let _ = command;
    }

    /// A key sent nothing: scanning is disabled, or the scan-code set has no code for that.
    fn key_ignored(&self, key: Key, pressed: bool) {
        let _ = (key, pressed);
    }

    /// The keyboard's buffer was full: what the key sent is lost, and the guest will read an overrun code. Of a
    /// keyboard elsewhere, a part of it, and it will not.
    fn key_lost(&self, key: Key, pressed: bool) {
        let _ = (key, pressed);
    }

    /// A command that the mouse does not know. It did not answer.
    fn unknown_mouse_command(&self, command: u8) {
        let _ = command;
    }

    /// The mouse's queue was full: what it had to report waits for [`report_mouse`](crate::I8042::report_mouse).
    fn mouse_packet_delayed(&self) {}

    /// The mouse's queue was full even for a reply: it is lost.
    fn mouse_reply_lost(&self) {}

    /// The guest read the last byte of the mouse: a good moment to call [`report_mouse`](crate::I8042::report_mouse)
    /// where something is left to report.
    fn mouse_emptied(&self) {}

    /// A read outside the registers. It gave [`OUT_OF_RANGE`](crate::spec::OUT_OF_RANGE).
    fn invalid_read(&self, offset: u16) {
        let _ = offset;
    }

    /// A write outside the registers. Nothing happened.
    fn invalid_write(&self, offset: u16, value: u8) {
        let _ = (offset, value);
    }
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoEvents;

impl I8042Events for NoEvents {}

impl<E: I8042Events + ?Sized> I8042Events for &E {
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

    fn unknown_mouse_command(&self, command: u8) {
        (**self).unknown_mouse_command(command);
    }

    fn mouse_packet_delayed(&self) {
        (**self).mouse_packet_delayed();
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
