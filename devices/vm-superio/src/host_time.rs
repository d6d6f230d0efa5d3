//! The host's clocks. vm-superio's interface has no time, so each device reads a clock of the host.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use devstate_core::Instant;

/// A monotonic clock. It starts when it is created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Monotonic(std::time::Instant);

impl Monotonic {
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(crate) fn now(self) -> Instant {
        Instant::EPOCH.saturating_add(self.0.elapsed())
    }
}

/// Returns the time since the Unix epoch. It is 0 if the host's clock is before the epoch.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
