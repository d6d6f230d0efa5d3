//! `eventfd`s, for interrupts and for messages to the main loop.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use devstate_core::Trigger;
use devstate_i8042::SystemControl;
use devstate_serial_16550::SerialEvents;
use event_manager::{EventOps, EventSet, Events, MutEventSubscriber};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// An `eventfd` that never blocks.
///
/// It has four uses, one for each trait:
///
/// - [`Trigger`]: inside a `RisingEdge` it is an interrupt line. Register its [`event_fd`](Self::event_fd) with the
///   hypervisor (`irqfd`).
/// - [`SerialEvents`]: a UART signals it when the UART takes input again. [`Input`](crate::Input) waits for this
///   signal.
/// - [`SystemControl`]: a keyboard controller signals it when the guest resets the machine.
/// - `MutEventSubscriber`: it wakes the main loop. The main loop calls [`take`](Self::take) after each round.
///
/// ```
/// use devstate_core::{InterruptLine, RisingEdge};
/// use devstate_rust_vmm::Signal;
///
/// let signal = Signal::new()?;
/// let mut line = RisingEdge::new(signal.try_clone()?);
/// line.set_level(true);
/// assert!(signal.take());
/// assert!(!signal.take());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Signal(EventFd);

impl Signal {
    /// Creates an `eventfd` that is not signalled.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn new() -> io::Result<Self> {
        EventFd::new(EFD_NONBLOCK).map(Self)
    }

    /// Returns a second handle of the same `eventfd`.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Signals. Several signals before [`take`](Self::take) count as one.
    pub fn send(&self) {
        // It fails only where the counter is full, and then it is signalled already.
        let _ = self.0.write(1);
    }

    /// Returns `true` if the `eventfd` was signalled since the last call.
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.read().is_ok()
    }

    /// Returns the `eventfd`, for example to register it with the hypervisor.
    #[must_use]
    pub const fn event_fd(&self) -> &EventFd {
        &self.0
    }
}

impl AsRawFd for Signal {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Trigger for Signal {
    type E = io::Error;

    fn trigger(&self) -> io::Result<()> {
        self.0.write(1)
    }
}

impl SerialEvents for Signal {
    fn receive_ready(&self) {
        self.send();
    }
}

impl SystemControl for Signal {
    fn reset(&mut self) {
        self.send();
    }
}

impl MutEventSubscriber for Signal {
    /// # Panics
    ///
    /// The limit of `/proc/sys/fs/epoll/max_user_watches` is reached: the trait cannot return an error.
    #[expect(clippy::expect_used, reason = "the trait cannot return an error")]
    fn init(&mut self, ops: &mut EventOps) {
        ops.add(Events::new(self, EventSet::IN))
            .expect("an epoll takes an eventfd");
    }

    fn process(&mut self, _: Events, _: &mut EventOps) {}
}
