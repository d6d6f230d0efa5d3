//! Deadlines: the receive time-out, the repeated interrupt, output that is given up, the line's rate.

use devstate_core::{Instant, InterruptLine};

use crate::device::Serial;
use crate::events::SerialEvents;
use crate::line;
use crate::output::Output;
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

    const fn at(deadline: Option<Self>) -> Option<Instant> {
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
    /// The end of the receive time-out. It runs while `SerialState::timeout_remaining`, its whole length, is not 0.
    pub(crate) timeout_at: Instant,
    /// When a THR-empty interrupt that became pending again while it was served rises again.
    pub(crate) repeat: Option<Deadline>,
    /// When the waiting output is offered for the last time.
    pub(crate) give_up: Option<Deadline>,
    /// At line rate: when the line is free for the next character.
    pub(crate) line_free_at: Instant,
    /// The same, until it is reported.
    pub(crate) line_free: Option<Deadline>,
    /// The earliest of the last three, or the end of time.
    other_at: Instant,
    /// No deadline lies in the `idle_ns` from `idle_from`.
    idle_from: u64,
    idle_ns: u64,
    /// Four character times.
    pub(crate) timeout_ns: u64,
    /// One character time.
    pub(crate) character_ns: u64,
}

impl Timers {
    pub(crate) const fn new(state: &SerialState, input_clock_hz: u32) -> Self {
        let (timeout_ns, character_ns) = lengths(state, input_clock_hz);
        Self {
            timeout_at: Instant::EPOCH,
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

const fn lengths(state: &SerialState, input_clock_hz: u32) -> (u64, u64) {
    let timeout = line::characters_nanos(4, state.divisor, state.lcr, input_clock_hz);
    let longest = SerialState::MAX_TIMEOUT_NANOS;
    let timeout = if timeout > longest { longest } else { timeout };
    (
        timeout,
        line::characters_nanos(1, state.divisor, state.lcr, input_clock_hz),
    )
}

impl<I: InterruptLine, W: Output, EV: SerialEvents> Serial<I, W, EV> {
    /// Lets time pass until `now`. Call it at [`next_deadline`](Self::next_deadline); it is harmless at any moment.
    pub fn advance(&mut self, now: Instant) {
        self.catch_up(now);
    }

    /// Returns when to call [`advance`](Self::advance) next. Every call of the device may change it.
    ///
    /// The deadlines are the end of the receive time-out, a THR-empty interrupt that rises again, and those of the
    /// policies in [`Config`](crate::Config).
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        let timeout = if self.timer_runs() {
            Some(self.timers.timeout_at)
        } else {
            None
        };
        earliest(
            earliest(timeout, Deadline::at(self.timers.repeat)),
            earliest(Deadline::at(self.timers.give_up), Deadline::at(self.timers.line_free)),
        )
    }

    #[inline]
    pub(crate) fn catch_up(&mut self, now: Instant) {
        if self.timers.may_be_due(now) {
            self.run_timers(now);
        }
    }

    #[cold]
    fn run_timers(&mut self, now: Instant) {
        self.run_timeout(now);
        if due(&mut self.timers.repeat, now) {
            self.repeat_rise();
        }
        if due(&mut self.timers.give_up, now) {
            self.offer_again(now);
        }
        if due(&mut self.timers.line_free, now) && self.receive_capacity() != 0 {
            self.events.receive_ready();
        }
        self.watch(now);
    }

    fn run_timeout(&mut self, now: Instant) {
        let duration = self.state.timeout_remaining;
        if duration == 0 {
            return;
        }
        if now >= self.timers.timeout_at {
            self.state.timeout_remaining = 0;
            self.events.timed_out();
            self.update_line();
        } else if self.timers.timeout_at.saturating_nanos_since(now) > duration {
            // The clock was set back: wait no longer than a time-out lasts.
            self.timers.timeout_at = now.saturating_add_nanos(duration);
        }
    }

    /// Notes that nothing is to be done from now until the next deadline.
    pub(crate) const fn watch(&mut self, now: Instant) {
        let timers = &mut self.timers;
        let others = earliest(Deadline::at(timers.give_up), Deadline::at(timers.line_free));
        timers.other_at = match earliest(Deadline::at(timers.repeat), others) {
            Some(at) => at,
            None => Instant::MAX,
        };
        timers.idle_from = now.as_nanos();
        self.timers.idle_ns = match self.next_deadline() {
            Some(at) => at.saturating_nanos_since(now),
            None => u64::MAX,
        };
    }

    /// Takes over a new divisor, frame or crystal. A time-out that runs keeps its length.
    pub(crate) const fn measure(&mut self) {
        let lengths = lengths(&self.state, self.config.input_clock_hz);
        (self.timers.timeout_ns, self.timers.character_ns) = lengths;
    }

    #[inline]
    pub(crate) const fn timer_runs(&self) -> bool {
        self.state.timeout_remaining != 0
    }

    /// Starts the receive time-out. For a host without a timer it is over at once, where the characters do not interrupt
    /// by themselves.
    #[inline]
    pub(crate) fn start_timeout(&mut self, now: Instant) {
        if !self.config.timer && self.state.rx.len < self.state.trigger_level() {
            self.stop_timeout();
        } else {
            let timers = &mut self.timers;
            self.state.timeout_remaining = timers.timeout_ns;
            timers.timeout_at = now.saturating_add_nanos(timers.timeout_ns);
            let next = timers.timeout_at.min(timers.other_at);
            timers.idle_from = now.as_nanos();
            timers.idle_ns = next.saturating_nanos_since(now);
        }
    }

    #[inline]
    pub(crate) const fn stop_timeout(&mut self) {
        self.state.timeout_remaining = 0;
    }
}

/// Takes the deadline and returns `true` if it has passed. One that lies further ahead than it can is moved: the clock was
/// set back.
fn due(deadline: &mut Option<Deadline>, now: Instant) -> bool {
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

const fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(a), Some(b)) if b.as_nanos() < a.as_nanos() => other,
        (Some(_), _) => one,
        (None, _) => other,
    }
}
