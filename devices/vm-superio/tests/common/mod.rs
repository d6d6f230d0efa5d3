//! A trigger that counts its signals.

use std::cell::Cell;
use std::rc::Rc;

use devstate_vm_superio::Trigger;

/// Counts signals, like an `eventfd`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals(Rc<Cell<u64>>);

impl Signals {
    /// Returns the number of signals since the last call.
    pub(crate) fn take(&self) -> u64 {
        self.0.take()
    }
}

impl Trigger for Signals {
    type E = std::io::Error;

    fn trigger(&self) -> std::io::Result<()> {
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}
