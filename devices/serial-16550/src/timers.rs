//! Time: the receive time-out, the repeated interrupt, discarded output, and the rate of the line.

use devstate_core::{Instant, InterruptLine};

use crate::deadlines::{Deadline, due, earliest, lengths};
use crate::device::Serial;
use crate::events::SerialEvents;
use crate::output::Output;

impl<I: InterruptLine, W: Output, EV: SerialEvents> Serial<I, W, EV> {
    /// Lets time pass until `now`. Call it at [`next_deadline`](Self::next_deadline). Further calls at other times do
    /// no harm.
    pub fn advance(&mut self, now: Instant) {
        self.catch_up(now);
    }

    /// Returns the time of the next call of [`advance`](Self::advance). Every call of the device may change this time.
    ///
    /// A deadline is the end of the receive time-out, the next rise of a THR-empty interrupt, or a deadline of the
    /// policies in [`Config`](crate::Config).
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        let timeout = if self.timer_runs() {
            Some(self.timeout_at())
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
        if now >= self.timeout_at() {
            self.state.timeout_remaining = 0;
            self.events.timed_out();
            self.update_line();
        } else if self.timeout_at().saturating_nanos_since(now) > duration {
            // The clock was set back: wait no longer than a time-out lasts.
            self.timers.timeout_from = now;
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
        if self.state.rx.len < self.quick.silent_below {
            self.stop_timeout();
        } else {
            let timers = &mut self.timers;
            self.state.timeout_remaining = timers.timeout_ns;
            timers.timeout_from = now;
            timers.idle_from = now.as_nanos();
            timers.idle_ns = timers.timeout_ns.min(timers.other_at.saturating_nanos_since(now));
        }
    }

    /// Returns the end of the time-out that runs.
    #[inline]
    pub(crate) const fn timeout_at(&self) -> Instant {
        self.timers
            .timeout_from
            .saturating_add_nanos(self.state.timeout_remaining)
    }

    #[inline]
    pub(crate) const fn stop_timeout(&mut self) {
        self.state.timeout_remaining = 0;
    }
}
