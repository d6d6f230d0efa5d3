//! How guest and output behave, as far as the next step depends on it. It is not saved.

use devstate_core::Instant;

/// What the device remembers of guest and output besides the state. It is not saved.
#[derive(Debug)]
pub(crate) struct Transmit {
    pub(crate) service: Service,
    /// When the output first took nothing, since it last took something.
    pub(crate) stalled_since: Option<Instant>,
}

/// How the guest serves the THR-empty interrupt. It decides when a write to THR makes a rise of its own for a host
/// without a timer: the guest must see one after its last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// The guest has not read IIR since it enabled the interrupt: each write makes a rise.
    Unidentified,
    /// The guest has read IIR: its next write makes a rise.
    Identified,
    /// It has written since: the rise stands for all writes until it reads IIR again.
    Signalled,
}

impl Transmit {
    pub(crate) const NEW: Self = Self {
        service: Service::Unidentified,
        stalled_since: None,
    };

    /// The guest enabled or disabled the interrupt.
    pub(crate) const fn interrupt_switched(&mut self) {
        self.service = Service::Unidentified;
    }

    /// The guest read IIR.
    pub(crate) const fn interrupt_identified(&mut self) {
        self.service = Service::Identified;
    }

    /// A write to THR makes a rise.
    pub(crate) const fn signalled(&mut self) {
        if matches!(self.service, Service::Identified) {
            self.service = Service::Signalled;
        }
    }
}
