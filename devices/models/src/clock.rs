//! The host's clock, which goes on, jumps and steps back.

use arbitrary::Arbitrary;
use devstate_core::Instant;

/// What the host's clock does between two steps.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Passing {
    /// It goes on by so many nanoseconds.
    Nanoseconds(u16),
    /// By so many microseconds: the time of characters.
    Microseconds(u16),
    /// By so many seconds.
    Seconds(u16),
    /// To the moment that the device wants to be told of.
    ToDeadline,
    /// To a nanosecond before.
    BeforeDeadline,
    /// It steps back by so many nanoseconds.
    Back(u32),
    /// It is set to another time, back or forth.
    To(u64),
}

impl Passing {
    pub(super) fn from(self, now: u64, deadline: Option<Instant>) -> u64 {
        match self {
            Self::Nanoseconds(by) => now.saturating_add(by.into()),
            Self::Microseconds(by) => now.saturating_add(u64::from(by) * 1_000),
            Self::Seconds(by) => now.saturating_add(u64::from(by) * 1_000_000_000),
            Self::ToDeadline => deadline.map_or(now, Instant::as_nanos),
            Self::BeforeDeadline => deadline.map_or(now, Instant::as_nanos).saturating_sub(1),
            Self::Back(by) => now.saturating_sub(by.into()),
            Self::To(moment) => moment,
        }
    }
}
