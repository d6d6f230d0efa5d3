//! What the controller does to the machine around it.

/// The two wires from the controller's output port into the machine.
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
pub trait SystemControl {
    /// Opens (`true`) or closes gate A20. Called whenever the guest sets it, changed or not, since it may have been
    /// changed elsewhere meanwhile (port 92h); and after a restore or a reset of the device.
    fn set_a20(&mut self, enabled: bool);

    /// The guest wants the machine reset. Called within the guest's access; the host resets its devices, this one with
    /// [`I8042::reset`](crate::I8042::reset), once the access has returned.
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

/// A machine without gate A20, which is not reset by its keyboard controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoControl;

impl SystemControl for NoControl {
    fn set_a20(&mut self, _enabled: bool) {}

    fn reset(&mut self) {}
}
