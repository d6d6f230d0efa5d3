//! Deadlines of the device, beside its state. They are not saved.

use devstate_core::Instant;

use crate::line;
use crate::state::SerialState;

/// A point in time, and how long before it was set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    wait_ns: u64,
}

impl Deadline {
    pub(crate) const fn after(wait_ns: u64, now: Instant) -> Self {
        Self {
            at: now.saturating_add_nanos(wait_ns),
            wait_ns,
        }
    }

    pub(crate) const fn at(deadline: Option<Self>) -> Option<Instant> {
        match deadline {
            Some(Self { at, .. }) => Some(at),
            None => None,
        }
    }
}

/// When the device has something to do, and the lengths that follow from divisor, frame and crystal. No part of the
/// state.
#[derive(Debug)]
pub(crate) struct Timers {
    /// When the receive time-out started. It runs while `SerialState::timeout_remaining`, its whole length, is not 0.
    pub(crate) timeout_from: Instant,
    /// When a THR-empty interrupt that became pending again while it was served rises again.
    pub(crate) repeat: Option<Deadline>,
    /// When the waiting output is offered for the last time.
    pub(crate) give_up: Option<Deadline>,
    /// At line rate: when the line is free for the next character.
    pub(crate) line_free_at: Instant,
    /// The same, until it is reported.
    pub(crate) line_free: Option<Deadline>,
    /// The earliest of the last three, or the end of time.
    pub(crate) other_at: Instant,
    /// No deadline lies in the `idle_ns` from `idle_from`.
    pub(crate) idle_from: u64,
    pub(crate) idle_ns: u64,
    /// Four character times.
    pub(crate) timeout_ns: u64,
    /// One character time.
    pub(crate) character_ns: u64,
}

impl Timers {
    pub(crate) const fn new(state: &SerialState, input_clock_hz: u32) -> Self {
        let (timeout_ns, character_ns) = lengths(state, input_clock_hz);
        Self {
            timeout_from: Instant::EPOCH,
            repeat: None,
            give_up: None,
            line_free_at: Instant::EPOCH,
            line_free: None,
            other_at: Instant::MAX,
            idle_from: 0,
            idle_ns: u64::MAX,
            timeout_ns,
            character_ns,
        }
    }

    /// Returns `true` if a deadline may have passed, or if the clock was set back.
    #[inline]
    pub(crate) const fn may_be_due(&self, now: Instant) -> bool {
        now.as_nanos().wrapping_sub(self.idle_from) >= self.idle_ns
    }
}

pub(crate) const fn lengths(state: &SerialState, input_clock_hz: u32) -> (u64, u64) {
    let timeout = line::characters_nanos(4, state.divisor, state.lcr, input_clock_hz);
    let longest = SerialState::MAX_TIMEOUT_NANOS;
    let timeout = if timeout > longest { longest } else { timeout };
    (
        timeout,
        line::characters_nanos(1, state.divisor, state.lcr, input_clock_hz),
    )
}

/// Takes the deadline and returns `true` if it has passed. One that lies further ahead than it can is moved: the clock was
/// set back.
pub(crate) fn due(deadline: &mut Option<Deadline>, now: Instant) -> bool {
    let Some(Deadline { at, wait_ns }) = *deadline else {
        return false;
    };
    if now >= at {
        *deadline = None;
        return true;
    }
    if at.saturating_nanos_since(now) > wait_ns {
        *deadline = Some(Deadline::after(wait_ns, now));
    }
    false
}

pub(crate) const fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(a), Some(b)) if b.as_nanos() < a.as_nanos() => other,
        (Some(_), _) => one,
        (None, _) => other,
    }
}
