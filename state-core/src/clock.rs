//! The meaning of the time between a save and a restore.

use core::time::Duration;

use crate::Instant;

/// Says whether time passes for a device between its save and its restore.
///
/// A device never reads a clock: each call that needs the time takes it as an [`Instant`]. A saved state holds the
/// instant of the save. At the restore, the caller chooses how to count the time since then.
///
/// ```
/// use core::time::Duration;
/// use devstate_core::{Clock, Instant};
///
/// let (saved_at, now) = (Instant::from_nanos(1_000), Instant::from_nanos(4_000));
/// assert_eq!(Clock::Wall.elapsed(saved_at, now), Duration::from_nanos(3_000));
/// assert_eq!(Clock::Frozen.elapsed(saved_at, now), Duration::ZERO);
/// // A clock that went backward counts as no time.
/// assert_eq!(Clock::Wall.elapsed(now, saved_at), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Clock {
    /// Time passed while the state was saved, as on a wall clock. An alarm that became due in that time goes off once, at
    /// the restore. Save and restore must use the same epoch.
    Wall,
    /// No time passed while the state was saved. The device continues at the nanosecond of the save. Save and restore
    /// may use different epochs.
    Frozen,
}

impl Clock {
    /// Returns the time that passed for the device between `saved_at` and `now`.
    #[must_use]
    pub const fn elapsed(self, saved_at: Instant, now: Instant) -> Duration {
        Duration::from_nanos(self.elapsed_nanos(saved_at, now))
    }

    /// Returns the same time in nanoseconds. It avoids the divisions that a [`Duration`] needs.
    #[must_use]
    pub const fn elapsed_nanos(self, saved_at: Instant, now: Instant) -> u64 {
        match self {
            Self::Wall => now.saturating_nanos_since(saved_at),
            Self::Frozen => 0,
        }
    }
}
