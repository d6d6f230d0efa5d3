//! What the time between a save and a restore meant.

/// What a pause between save and restore means to the device that is restored.
///
/// Devices never ask for the time; they are told `now`, in nanoseconds since an epoch that the caller keeps. A saved
/// state remembers the `now` of its save, and the caller says at restore how to read the difference.
///
/// ```
/// use devstate_core::Clock;
///
/// assert_eq!(Clock::Wall.elapsed(1_000, 4_000), 3_000);
/// assert_eq!(Clock::Frozen.elapsed(1_000, 4_000), 0);
/// // A clock that stepped back is harmless.
/// assert_eq!(Clock::Wall.elapsed(4_000, 1_000), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Clock {
    /// Time went on while the state was saved, as it does for a clock on the wall: an alarm that fell due meanwhile
    /// fires, once, on restore. Save and restore must count from the same epoch.
    Wall,
    /// Time stood still while the state was saved: the device goes on at the nanosecond it left off. The epochs of
    /// save and restore need not be the same.
    Frozen,
}

impl Clock {
    /// Nanoseconds that passed for the device between `saved_at` and `now`.
    #[must_use]
    pub const fn elapsed(self, saved_at: u64, now: u64) -> u64 {
        match self {
            Self::Wall => now.saturating_sub(saved_at),
            Self::Frozen => 0,
        }
    }
}
