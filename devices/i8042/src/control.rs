//! The outputs of the controller into the machine.

/// The two outputs of the controller into the machine: gate A20 and the reset line.
///
/// ```
/// use devstate_core::NoInterrupt;
/// use devstate_i8042::{I8042, SystemControl};
///
/// #[derive(Default)]
/// struct Machine {
///     a20: bool,
///     resets: u32,
/// }
/// impl SystemControl for Machine {
///     fn set_a20(&mut self, enabled: bool) {
///         self.a20 = enabled;
///     }
///     fn reset(&mut self) {
///         self.resets += 1;
///     }
/// }
///
/// let mut machine = Machine::default();
/// let mut i8042 = I8042::new(NoInterrupt, NoInterrupt, &mut machine);
/// i8042.write(4, 0xdf); // A20 on
/// i8042.write(4, 0xfe); // pulse the reset line
/// assert!(machine.a20 && machine.resets == 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not control a machine",
    label = "`SystemControl` receives gate A20 and the reset line",
    note = "pass `NoControl` if the keyboard controller must not reset the machine",
    note = "implement `SystemControl` for your type and pass it, or `&mut` to it; only `reset` needs a body"
)]
pub trait SystemControl {
    /// Opens (`true`) or closes the controller's gate A20. The default body does nothing, as for a machine whose address
    /// line 20 is always enabled.
    ///
    /// Called whenever the guest sets the gate (D1, DD, DF), also to the same value, and after a restore or a reset of
    /// the device.
    ///
    /// A PC has a second gate at port 92h, bit 1. A host that has both keeps each setting, and enables address line 20 if
    /// at least one of them is open (OR). So DD alone does not disable the line while port 92h enables it.
    fn set_a20(&mut self, enabled: bool) {
        let _ = enabled;
    }

    /// Requests a reset of the machine. Called within the guest's access. The host resets its devices, this one with
    /// [`I8042::reset`](crate::I8042::reset), after the access has returned.
    fn reset(&mut self);
}

impl<T: SystemControl + ?Sized> SystemControl for &mut T {
    fn set_a20(&mut self, enabled: bool) {
        (**self).set_a20(enabled);
    }

    fn reset(&mut self) {
        (**self).reset();
    }
}

/// Ignores gate A20 and the reset line. Use it for a machine without gate A20 that the keyboard
/// controller cannot reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoControl;

impl SystemControl for NoControl {
    fn reset(&mut self) {}
}
