//! The state of a PL031, and its changes over time.

use crate::spec::TICK_NS;
use core::time::Duration;
use devstate_core::{Clock, Instant, InvalidState};

/// The state of a PL031 at one moment.
///
/// [`advanced`](Self::advanced) computes the state at a later time. A running device uses the same function. So a saved
/// state and a device that continued to run always agree.
///
/// ```
/// use core::time::Duration;
/// use devstate_rtc_pl031::{Instant, RtcState};
///
/// let set = RtcState::at_unix_time(Duration::from_secs(1_767_323_046), Instant::EPOCH);
/// let alarm = RtcState { mr: set.counter + 3, ..set };
/// assert!(!alarm.advanced(Instant::from_millis(2_999)).ris);
/// assert!(alarm.advanced(Instant::from_secs(3)).ris);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RtcState {
    /// The clock's value in seconds, RTCDR.
    pub counter: u32,
    /// Nanoseconds since the last tick, below 1,000,000,000. No register shows them.
    pub sub_second_ns: u32,
    /// The last value written to the load register, RTCLR.
    pub lr: u32,
    /// The match register, RTCMR.
    pub mr: u32,
    /// The clock runs, RTCCR bit 0.
    pub enabled: bool,
    /// The alarm reaches the interrupt line, RTCIMSC bit 0.
    pub imsc: bool,
    /// The alarm has gone off and is not cleared, RTCRIS bit 0.
    pub ris: bool,
    /// The moment of this state.
    pub saved_at: Instant,
}

impl RtcState {
    /// The state after a power-on reset: everything 0, the clock stopped (section 3.2).
    pub const RESET: Self = Self {
        counter: 0,
        sub_second_ns: 0,
        lr: 0,
        mr: 0,
        enabled: false,
        imsc: false,
        ris: false,
        saved_at: Instant::EPOCH,
    };

    /// Returns a running clock that shows `unix_time` at the moment `now`, as firmware sets it before it starts an
    /// operating system. Use it for a guest that starts without firmware.
    ///
    /// The seconds have 32 bits, as in hardware, and wrap in 2106.
    ///
    /// ```
    /// use core::time::Duration;
    /// use devstate_core::{Clock, Instant, NoInterrupt};
    /// use devstate_rtc_pl031::{NoEvents, Rtc, RtcState, spec};
    ///
    /// // `SystemTime::now().duration_since(UNIX_EPOCH)` where there is a `std`.
    /// let unix_time = Duration::new(1_767_323_046, 250_000_000);
    /// let now = Instant::from_nanos(7_000);
    /// let state = RtcState::at_unix_time(unix_time, now);
    /// let mut rtc = Rtc::from_state(&state, NoInterrupt, NoEvents, now, Clock::Frozen)?;
    /// assert_eq!(rtc.read(spec::RTCDR, now.saturating_add(Duration::from_millis(750))), 1_767_323_047);
    /// # Ok::<(), devstate_core::InvalidState>(())
    /// ```
    #[must_use]
    pub const fn at_unix_time(unix_time: Duration, now: Instant) -> Self {
        let seconds = unix_time.as_secs() as u32;
        Self {
            counter: seconds,
            sub_second_ns: unix_time.subsec_nanos(),
            lr: seconds,
            enabled: true,
            saved_at: now,
            ..Self::RESET
        }
    }

    /// Checks that a PL031 can be in this state.
    ///
    /// # Errors
    ///
    /// [`sub_second_ns`](Self::sub_second_ns) is a second or more. Every other value is possible.
    pub const fn validate(&self) -> Result<(), InvalidState> {
        if self.sub_second_ns as u64 >= TICK_NS {
            return Err(InvalidState::new(
                "sub_second_ns",
                self.sub_second_ns as u64,
                "a second has 1000000000 ns",
            ));
        }
        Ok(())
    }

    /// Returns the state at the moment `now`: the clock has counted, and an alarm that became due has gone off.
    ///
    /// The cost does not depend on the time that has passed. A `now` before the state's own moment changes nothing.
    #[must_use]
    pub const fn advanced(self, now: Instant) -> Self {
        let after = self.after(now.saturating_nanos_since(self.saved_at));
        if now.as_nanos() > self.saved_at.as_nanos() {
            after.as_of(now)
        } else {
            after
        }
    }

    /// Returns the state in which a device continues at the moment `now`: [`Clock::Wall`] counts the time since the save,
    /// [`Clock::Frozen`] does not.
    ///
    /// The moment of the returned state is `now`, even if `now` is before the save. With [`Clock::Frozen`], this moves
    /// a state from one of the host's clocks to another.
    #[must_use]
    pub const fn resumed(self, now: Instant, clock: Clock) -> Self {
        self.after(clock.elapsed_nanos(self.saved_at, now)).as_of(now)
    }

    /// Returns the time at which the alarm goes off next. `None` while the clock is stopped, while an alarm waits to be
    /// cleared, or if the time is after [`Instant::MAX`].
    ///
    /// This includes a masked alarm: it goes off, and waits to be unmasked or cleared.
    #[must_use]
    pub const fn next_alarm(&self) -> Option<Instant> {
        if !self.enabled || self.ris {
            return None;
        }
        // At least one tick, each longer than what has passed of it.
        let wait = (self.ticks_to_match() * TICK_NS).saturating_sub(self.sub_second_ns as u64);
        self.saved_at.checked_add_nanos(wait)
    }

    /// Returns the level of the interrupt line, RTCINTR: RTCMIS bit 0.
    #[must_use]
    pub const fn interrupt_level(&self) -> bool {
        self.ris && self.imsc
    }

    /// Ticks until the clock is equal to the match register again, 1 to 2³².
    const fn ticks_to_match(&self) -> u64 {
        self.mr.wrapping_sub(self.counter).wrapping_sub(1) as u64 + 1
    }

    /// Does the same as [`advanced`](Self::advanced) in place, and without a division, if the clock does not tick until
    /// `now`. Returns `false` and changes nothing if it does, or if `now` lies before the state's own moment.
    #[inline]
    pub(crate) const fn advance_within_the_second(&mut self, now: Instant) -> bool {
        let elapsed = now.as_nanos().wrapping_sub(self.saved_at.as_nanos());
        let within = elapsed < TICK_NS.saturating_sub(self.sub_second_ns as u64);
        if within {
            self.saved_at = now;
            if self.enabled {
                self.sub_second_ns += elapsed as u32;
            }
        }
        within
    }

    const fn after(mut self, elapsed_ns: u64) -> Self {
        if self.enabled {
            let fraction = self.sub_second_ns as u64 + elapsed_ns % TICK_NS;
            let ticks = elapsed_ns / TICK_NS + fraction / TICK_NS;
            self.ris = self.ris || ticks >= self.ticks_to_match();
            self.counter = self.counter.wrapping_add(ticks as u32);
            self.sub_second_ns = (fraction % TICK_NS) as u32;
        }
        self
    }

    const fn as_of(mut self, now: Instant) -> Self {
        self.saved_at = now;
        self
    }
}

impl Default for RtcState {
    /// Returns [`RESET`](Self::RESET).
    fn default() -> Self {
        Self::RESET
    }
}
