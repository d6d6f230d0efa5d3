//! The i8042 keyboard controller.

use devstate_core::NoInterrupt;
use devstate_i8042::{I8042, SystemControl};

use crate::Trigger;

/// Port 64h: the command and status register.
const COMMAND: u8 = 4;
/// Port 60h: the data register.
const DATA: u8 = 0;

/// An i8042 that signals when the guest resets the machine. Offsets count from port 60h.
///
/// The controller, its keyboard and its mouse are complete. But this interface has no calls for keys, for the mouse and
/// for interrupt lines. If you need them, use [`devstate_i8042::I8042`].
///
/// ```
/// use devstate_vm_superio::{I8042Device, Trigger};
/// use std::cell::Cell;
///
/// #[derive(Default)]
/// struct Reset(Cell<bool>);
/// impl Trigger for Reset {
///     type E = std::io::Error;
///     fn trigger(&self) -> std::io::Result<()> {
///         self.0.set(true);
///         Ok(())
///     }
/// }
///
/// let mut i8042 = I8042Device::new(Reset::default());
/// i8042.write(4, 0xfe)?;
/// assert!(i8042.reset_evt().0.get());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct I8042Device<T: Trigger> {
    device: I8042<NoInterrupt, NoInterrupt, Reset<T>>,
}

/// Signals a reset, and keeps the error.
#[derive(Debug)]
struct Reset<T: Trigger> {
    trigger: T,
    error: Option<T::E>,
}

impl<T: Trigger> SystemControl for Reset<T> {
    fn reset(&mut self) {
        self.error = self.trigger.trigger().err();
    }
}

impl<T: Trigger> I8042Device<T> {
    /// Creates a controller that signals `reset_evt` when the guest resets the machine.
    pub fn new(reset_evt: T) -> Self {
        let control = Reset {
            trigger: reset_evt,
            error: None,
        };
        Self {
            device: I8042::new(NoInterrupt, NoInterrupt, control),
        }
    }

    /// Returns the event that a reset signals.
    pub fn reset_evt(&self) -> &T {
        &self.device.control().trigger
    }

    /// Reads a register for the guest. Every offset except 0 and 4 reads 0.
    pub fn read(&mut self, offset: u8) -> u8 {
        match offset {
            DATA | COMMAND => self.device.read(offset.into()),
            _ => 0,
        }
    }

    /// Writes a register for the guest. Writes to offsets other than 0 and 4 have no effect.
    ///
    /// # Errors
    ///
    /// The error of the event, if the guest resets the machine.
    pub fn write(&mut self, offset: u8, value: u8) -> Result<(), T::E> {
        if matches!(offset, DATA | COMMAND) {
            self.device.write(offset.into(), value);
        }
        match self.device.control_mut().error.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
