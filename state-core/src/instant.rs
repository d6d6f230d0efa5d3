//! A point in time, as a type of its own.

use core::fmt;
use core::time::Duration;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A point in time: nanoseconds since an epoch that the host chooses.
///
/// The host uses the same epoch for every call to a device. 64 bits of nanoseconds last for 584 years. The type has no
/// arithmetic operators, because they could overflow. Use the `saturating_` and `checked_` methods.
///
/// ```
/// use core::time::Duration;
/// use devstate_core::Instant;
///
/// let start = Instant::from_nanos(1_500);
/// let later = start.saturating_add(Duration::from_micros(2));
/// assert_eq!(later.as_nanos(), 3_500);
/// assert_eq!(later.saturating_duration_since(start), Duration::from_micros(2));
/// assert_eq!(start.saturating_duration_since(later), Duration::ZERO);
/// ```
///
/// A host with `std` counts from a moment of its choice on a monotonic clock:
///
/// ```
/// use devstate_core::Instant;
///
/// let epoch = std::time::Instant::now();
/// let now = Instant::EPOCH.saturating_add(epoch.elapsed());
/// # let _ = now;
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant {
    nanos: u64,
}

impl Instant {
    /// The host's epoch: 0 ns.
    pub const EPOCH: Self = Self::from_nanos(0);

    /// The last point in time: about 584 years after the epoch.
    pub const MAX: Self = Self::from_nanos(u64::MAX);

    /// Creates the point in time `nanos` nanoseconds after the epoch.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// Creates the point in time `millis` milliseconds after the epoch, at most [`MAX`](Self::MAX).
    #[inline]
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self::from_nanos(millis.saturating_mul(1_000_000))
    }

    /// Creates the point in time `secs` seconds after the epoch, at most [`MAX`](Self::MAX).
    #[inline]
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_nanos(secs.saturating_mul(NANOS_PER_SEC))
    }

    /// Returns the nanoseconds since the epoch.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// Returns the time since the epoch.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// Returns the point in time `duration` later, at most [`MAX`](Self::MAX).
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        match self.checked_add(duration) {
            Some(later) => later,
            None => Self::MAX,
        }
    }

    /// Returns the point in time `duration` earlier, at least [`EPOCH`](Self::EPOCH).
    #[must_use]
    pub const fn saturating_sub(self, duration: Duration) -> Self {
        match self.checked_sub(duration) {
            Some(earlier) => earlier,
            None => Self::EPOCH,
        }
    }

    /// Returns the point in time `duration` later, or `None` if it lies after [`MAX`](Self::MAX).
    #[must_use]
    pub const fn checked_add(self, duration: Duration) -> Option<Self> {
        match whole_nanos(duration) {
            Some(nanos) => self.checked_add_nanos(nanos),
            None => None,
        }
    }

    /// Returns the point in time `duration` earlier, or `None` if it lies before the epoch.
    #[must_use]
    pub const fn checked_sub(self, duration: Duration) -> Option<Self> {
        let Some(nanos) = whole_nanos(duration) else {
            return None;
        };
        match self.nanos.checked_sub(nanos) {
            Some(nanos) => Some(Self { nanos }),
            None => None,
        }
    }

    /// Returns the time that has passed since `earlier`, or zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.saturating_nanos_since(earlier))
    }

    /// Returns the time that has passed since `earlier`, or `None` if `earlier` is later.
    #[must_use]
    pub const fn checked_duration_since(self, earlier: Self) -> Option<Duration> {
        match self.nanos.checked_sub(earlier.nanos) {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }

    /// Returns the nanoseconds since `earlier`, or 0 if `earlier` is later.
    ///
    /// Devices count in nanoseconds. This method is one subtraction. A [`Duration`] needs 64-bit divisions.
    #[inline]
    #[must_use]
    pub const fn saturating_nanos_since(self, earlier: Self) -> u64 {
        self.nanos.saturating_sub(earlier.nanos)
    }

    /// Returns the point in time `nanos` nanoseconds later, at most [`MAX`](Self::MAX).
    #[inline]
    #[must_use]
    pub const fn saturating_add_nanos(self, nanos: u64) -> Self {
        Self {
            nanos: self.nanos.saturating_add(nanos),
        }
    }

    /// Returns the point in time `nanos` nanoseconds later, or `None` if it lies after [`MAX`](Self::MAX).
    #[inline]
    #[must_use]
    pub const fn checked_add_nanos(self, nanos: u64) -> Option<Self> {
        match self.nanos.checked_add(nanos) {
            Some(nanos) => Some(Self { nanos }),
            None => None,
        }
    }
}

impl fmt::Debug for Instant {
    /// Writes the Rust expression for the value, such as `Instant::from_nanos(345)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant::from_nanos({})", self.nanos)
    }
}

impl fmt::Display for Instant {
    /// Writes seconds with nine decimals and the unit, such as `12.000000345 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, nanos) = (self.nanos / NANOS_PER_SEC, self.nanos % NANOS_PER_SEC);
        write!(f, "{secs}.{nanos:09} s")
    }
}

/// Returns the length in nanoseconds, or `None` if it needs more than 64 bits.
const fn whole_nanos(duration: Duration) -> Option<u64> {
    match duration.as_secs().checked_mul(NANOS_PER_SEC) {
        Some(nanos) => nanos.checked_add(duration.subsec_nanos() as u64),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;

    #[test]
    fn arithmetic_stops_at_both_ends() {
        let last = Instant::MAX;
        assert_eq!(last.checked_add(Duration::from_nanos(1)), None);
        assert_eq!(last.saturating_add(Duration::from_nanos(1)), last);
        assert_eq!(last.checked_add_nanos(1), None);
        assert_eq!(last.saturating_add_nanos(1), last);
        assert_eq!(Instant::EPOCH.checked_sub(Duration::from_nanos(1)), None);
        assert_eq!(Instant::EPOCH.saturating_sub(Duration::MAX), Instant::EPOCH);
        assert_eq!(Instant::EPOCH.saturating_add(Duration::MAX), last);
        assert_eq!(Instant::from_secs(u64::MAX), last);
        assert_eq!(Instant::from_millis(u64::MAX), last);
    }

    #[test]
    fn a_sum_can_be_taken_back() {
        let (start, span) = (Instant::from_millis(3), Duration::new(7, 999_999_999));
        let end = start.checked_add(span).unwrap();
        assert_eq!(end.as_nanos(), 8_002_999_999);
        assert_eq!(end.checked_sub(span), Some(start));
        assert_eq!(end.checked_duration_since(start), Some(span));
        assert_eq!(start.checked_duration_since(end), None);
        assert_eq!(end.since_epoch(), Duration::from_nanos(8_002_999_999));
    }

    #[test]
    fn it_displays_as_seconds_and_debugs_as_source() {
        assert_eq!(
            std::format!("{:?}", Instant::from_nanos(345)),
            "Instant::from_nanos(345)"
        );
        assert_eq!(Instant::from_nanos(12_000_000_345).to_string(), "12.000000345 s");
        assert_eq!(Instant::EPOCH.to_string(), "0.000000000 s");
    }
}
