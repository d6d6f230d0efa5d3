//! A device with its clock and its timer.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use devstate_core::Instant;
use event_manager::{EventOps, EventSet, Events, MutEventSubscriber};
use vmm_sys_util::timerfd::TimerFd;

use crate::{HostClock, Timed};

/// A device that the vCPU threads share with the main loop.
pub type Shared<D> = Arc<Mutex<OnBus<D>>>;

/// A device with its clock and with a timer for its deadlines.
///
/// It is a device on the buses of `vm-device` (`MutDevicePio`, `MutDeviceMmio`). It is also a subscriber of an
/// `event-manager`, which handles the timer. Each access passes the current time to the device, and sets the timer to
/// the device's next deadline.
///
/// ```
/// use std::sync::Arc;
/// use devstate_core::RisingEdge;
/// use devstate_rtc_pl031::Rtc;
/// use devstate_rust_vmm::{HostClock, OnBus, Signal, access};
/// use vm_device::bus::{MmioAddress, MmioRange};
/// use vm_device::device_manager::{IoManager, MmioManager};
///
/// let interrupt = RisingEdge::new(Signal::new()?);
/// let rtc = OnBus::shared(Rtc::new(interrupt), HostClock::start())?;
/// let mut bus = IoManager::new();
/// bus.register_mmio(MmioRange::new(MmioAddress(0x0901_0000), 0x1000)?, Arc::clone(&rtc) as _)?;
///
/// // The alarm, in the second 7.
/// bus.mmio_write(MmioAddress(0x0901_0004), &7_u32.to_le_bytes())?;
/// assert_eq!(access(&rtc, |rtc, now| rtc.state(now)).mr, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OnBus<D> {
    device: D,
    clock: HostClock,
    timer: TimerFd,
    /// What the timer is set to, from when it is set until its expiration is read.
    set_to: Option<Instant>,
}

impl<D: Timed> OnBus<D> {
    /// Creates a timer for a device.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn new(device: D, clock: HostClock) -> io::Result<Self> {
        let mut on_bus = Self {
            device,
            clock,
            timer: TimerFd::new()?,
            set_to: None,
        };
        on_bus.set_timer(clock.now());
        Ok(on_bus)
    }

    /// Creates a timer for a device, and a lock around both.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn shared(device: D, clock: HostClock) -> io::Result<Shared<D>> {
        Ok(Arc::new(Mutex::new(Self::new(device, clock)?)))
    }

    /// Returns the device. To change it, use [`access`](Self::access).
    pub const fn device(&self) -> &D {
        &self.device
    }

    /// Calls `access` with the device and the current time, and sets the timer afterwards.
    pub fn access<T>(&mut self, access: impl FnOnce(&mut D, Instant) -> T) -> T {
        let now = self.clock.now();
        let result = access(&mut self.device, now);
        self.set_timer(now);
        result
    }

    /// A timer that is set too early does no harm, so a later deadline changes nothing. That saves system calls.
    fn set_timer(&mut self, now: Instant) {
        let Some(next) = self.device.next_deadline(now) else {
            return;
        };
        if self.set_to.is_none_or(|set_to| next < set_to) {
            // A wait of 0 would switch the timer off.
            let wait = next.saturating_duration_since(now).max(Duration::from_nanos(1));
            self.set_to = self.timer.reset(wait, None).is_ok().then_some(next);
        }
    }
}

impl<D: Timed> MutEventSubscriber for OnBus<D> {
    /// # Panics
    ///
    /// The limit of `/proc/sys/fs/epoll/max_user_watches` is reached: the trait cannot return an error.
    #[expect(clippy::expect_used, reason = "the trait cannot return an error")]
    fn init(&mut self, ops: &mut EventOps) {
        ops.add(Events::new(&self.timer, EventSet::IN))
            .expect("an epoll takes a timer");
    }

    fn process(&mut self, _: Events, _: &mut EventOps) {
        // A timer that was set and is not armed has expired: only then reading it does not block.
        if self.set_to.is_some() && self.timer.is_armed().is_ok_and(|armed| !armed) {
            let _ = self.timer.wait();
            self.set_to = None;
        }
        self.access(D::advance);
    }
}

/// Locks a device, calls `access` with the device and the current time, sets the timer, and unlocks the device.
///
/// It never holds two locks. Two guards in one expression would hold two.
pub fn access<D: Timed, T>(shared: &Mutex<OnBus<D>>, access: impl FnOnce(&mut D, Instant) -> T) -> T {
    lock(shared).access(access)
}

/// Locks a shared value, even if another thread has panicked while it held the lock. For a single access to a device,
/// use [`access`].
///
/// Lock an [`Input`](crate::Input) before its UART, because a locked input locks the UART.
pub fn lock<T: ?Sized>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
