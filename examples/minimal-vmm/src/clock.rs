//! The host's clocks, in nanoseconds as the devices count them.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Since an arbitrary moment, never backwards: for what happens between characters on a line.
pub fn monotonic() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// Since 1970: for what people read off a clock. It means the same in another process and on another host.
#[cfg(target_arch = "aarch64")]
pub fn unix() -> u64 {
    nanoseconds(ClockId::Realtime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let now = Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
