//! The host's clocks, as the devices count them.

use std::time::Duration;

use devstate_core::Instant;
use rustix::time::{ClockId, clock_gettime};

/// Since an arbitrary moment, never backwards: for what happens between characters on a line.
pub fn monotonic() -> Instant {
    instant(ClockId::Monotonic)
}

/// Since 1970: for what people read off a clock. It means the same in another process and on another host.
#[cfg(target_arch = "aarch64")]
pub fn unix() -> Instant {
    instant(ClockId::Realtime)
}

fn instant(clock: ClockId) -> Instant {
    let now = Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    Instant::EPOCH.saturating_add(now)
}
