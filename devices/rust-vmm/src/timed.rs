//! Devices with deadlines.

use std::time::Duration;

use devstate_core::{Instant, InterruptLine};
use devstate_i8042::{I8042, I8042Events, SystemControl};
use devstate_rtc_pl031::{Rtc, RtcEvents};
use devstate_serial_16550::{Output, Serial, SerialEvents};

/// How soon output that stalled is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// A device that must be called at certain times. [`OnBus`](crate::OnBus) sets a timer for it.
pub trait Timed {
    /// Returns the time of the next call of [`advance`](Self::advance). `now` is the current time.
    fn next_deadline(&self, now: Instant) -> Option<Instant>;

    /// Lets the time pass up to `now`.
    fn advance(&mut self, now: Instant);
}

/// Output that stalls is tried again every 10 ms.
impl<I: InterruptLine, W: Output, EV: SerialEvents> Timed for Serial<I, W, EV> {
    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let retry = (self.output_pending() > 0).then(|| now.saturating_add(RETRY));
        [Self::next_deadline(self), retry].into_iter().flatten().min()
    }

    fn advance(&mut self, now: Instant) {
        Self::advance(self, now);
        if self.output_pending() > 0 {
            self.drain_output(now);
        }
    }
}

impl<I: InterruptLine, EV: RtcEvents> Timed for Rtc<I, EV> {
    fn next_deadline(&self, _: Instant) -> Option<Instant> {
        Self::next_deadline(self)
    }

    fn advance(&mut self, now: Instant) {
        Self::advance(self, now);
    }
}

impl<K: InterruptLine, M: InterruptLine, S: SystemControl, EV: I8042Events> Timed for I8042<K, M, S, EV> {
    fn next_deadline(&self, _: Instant) -> Option<Instant> {
        Self::next_deadline(self)
    }

    fn advance(&mut self, now: Instant) {
        Self::advance(self, now);
    }
}
