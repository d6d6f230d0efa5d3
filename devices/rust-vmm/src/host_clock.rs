//! The time that the devices see.

use std::time::{Duration, UNIX_EPOCH};

use devstate_core::Instant;

/// A monotonic clock that counts from the Unix epoch.
///
/// It reads the host's time once, when it starts. From then on it follows a monotonic clock. So a guest's time does not
/// jump when the host's clock is set. A snapshot can be restored in another process or on another host.
///
/// ```
/// use devstate_rust_vmm::HostClock;
///
/// let clock = HostClock::start();
/// let first = clock.now();
/// assert!(clock.now() >= first);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HostClock {
    unix_time: Duration,
    started: std::time::Instant,
}

impl HostClock {
    /// Starts a clock at the host's time. A host's clock before 1970 counts as 0.
    #[must_use]
    pub fn start() -> Self {
        Self {
            unix_time: UNIX_EPOCH.elapsed().unwrap_or_default(),
            started: std::time::Instant::now(),
        }
    }

    /// Returns the time since the Unix epoch.
    #[must_use]
    pub fn now(self) -> Instant {
        Instant::EPOCH
            .saturating_add(self.unix_time)
            .saturating_add(self.started.elapsed())
    }
}
