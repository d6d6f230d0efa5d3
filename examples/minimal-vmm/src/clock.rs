//! The host's clocks, as the devices count them.

use std::time::Duration;

use devstate_core::Instant;
use rustix::time::{ClockId, clock_gettime};

/// Since the host was booted; never set. A machine that runs counts by this clock.
pub fn monotonic() -> Instant {
    instant(ClockId::Monotonic)
}

/// Since 1970. It may be set at any time, and means the same in another process and on another host: it counts between
/// a save and a restore.
#[cfg(target_arch = "aarch64")]
pub fn unix() -> Instant {
    instant(ClockId::Realtime)
}

fn instant(clock: ClockId) -> Instant {
    let now = Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    Instant::EPOCH.saturating_add(now)
}
