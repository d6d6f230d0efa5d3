//! The device: its registers, its interrupt line and its resets.

use crate::events::{NoEvents, RtcEvents};
use crate::spec::{
    ID, INTERRUPT, OUT_OF_RANGE, RTCCR, RTCCR_START, RTCDR, RTCICR, RTCIMSC, RTCLR, RTCMIS, RTCMR, RTCPERIPHID0, RTCRIS,
};
use crate::state::RtcState;
use devstate_core::{Clock, Instant, InterruptLine, InvalidState};

/// Emulates a PL031: registers, clock and interrupt line.
///
/// Every call with a `now` first lets time pass until `now`. If `now` is earlier than in a previous call, no time
/// passes. So vCPUs may read their clock in any order.
///
/// ```
/// use core::cell::Cell;
/// use devstate_rtc_pl031::{Instant, Rtc, spec};
///
/// let line = Cell::new(false);
/// let mut rtc = Rtc::new(&line);
/// rtc.write(spec::RTCCR, spec::RTCCR_START, Instant::EPOCH);
/// rtc.write(spec::RTCMR, 10, Instant::EPOCH);
/// rtc.write(spec::RTCIMSC, spec::INTERRUPT, Instant::EPOCH);
///
/// // The host sleeps until the device has something to do.
/// let alarm = Instant::from_secs(10);
/// assert_eq!(rtc.next_deadline(), Some(alarm));
/// rtc.advance(alarm);
/// assert!(line.get());
/// rtc.write(spec::RTCICR, spec::INTERRUPT, alarm);
/// assert!(!line.get());
/// ```
#[derive(Debug)]
pub struct Rtc<I, EV = NoEvents> {
    state: RtcState,
    interrupt: I,
    events: EV,
}

impl<I: InterruptLine> Rtc<I> {
    /// Creates a clock after a power-on reset: stopped at 0. [`RtcState::at_unix_time`] is a state that runs.
    ///
    /// The interrupt line is assumed to be low.
    #[must_use]
    pub const fn new(interrupt: I) -> Self {
        Self::with_events(interrupt, NoEvents)
    }
}

impl<I: InterruptLine, EV: RtcEvents> Rtc<I, EV> {
    /// Like [`new`](Rtc::new), with an event handler.
    #[must_use]
    pub const fn with_events(interrupt: I, events: EV) -> Self {
        Self::with_state(RtcState::RESET, interrupt, events)
    }

    /// Creates a clock in a saved state, and drives its interrupt line.
    ///
    /// With [`Clock::Wall`], an alarm that became due between save and restore goes off in this call, once.
    ///
    /// # Errors
    ///
    /// [`RtcState::validate`] refuses the state.
    pub fn from_state(
        state: &RtcState,
        interrupt: I,
        events: EV,
        now: Instant,
        clock: Clock,
    ) -> Result<Self, InvalidState> {
        state.validate()?;
        let mut rtc = Self::with_state(*state, interrupt, events);
        rtc.resume(now, clock);
        Ok(rtc)
    }

    const fn with_state(state: RtcState, interrupt: I, events: EV) -> Self {
        Self {
            state,
            interrupt,
            events,
        }
    }

    /// Puts the clock into a saved state, and drives its interrupt line.
    ///
    /// # Errors
    ///
    /// [`RtcState::validate`] refuses the state. The clock is then unchanged.
    pub fn restore(&mut self, state: &RtcState, now: Instant, clock: Clock) -> Result<(), InvalidState> {
        state.validate()?;
        self.state = *state;
        self.resume(now, clock);
        Ok(())
    }

    fn resume(&mut self, now: Instant, clock: Clock) {
        let was_pending = self.state.ris;
        self.state = self.state.resumed(now, clock);
        if self.state.ris && !was_pending {
            self.events.alarm();
        }
        self.interrupt.set_level(self.state.interrupt_level());
    }

    /// Returns the clock's state at the moment `now`.
    #[must_use]
    pub const fn state(&self, now: Instant) -> RtcState {
        self.state.advanced(now)
    }

    /// Reads the register at `offset` (bytes from the device's base).
    ///
    /// If there is no readable register at the offset, it returns 0 and reports [`RtcEvents::invalid_read`].
    /// [`WordRegisters`](devstate_core::WordRegisters) converts bus accesses of any width into register reads.
    pub fn read(&mut self, offset: u16, now: Instant) -> u32 {
        self.advance(now);
        match offset {
            RTCDR => self.state.counter,
            RTCMR => self.state.mr,
            RTCLR => self.state.lr,
            RTCCR => u32::from(self.state.enabled),
            RTCIMSC => u32::from(self.state.imsc),
            RTCRIS => u32::from(self.state.ris),
            RTCMIS => u32::from(self.state.interrupt_level()),
            _ => identification(offset).unwrap_or_else(|| {
                self.events.invalid_read(offset);
                OUT_OF_RANGE
            }),
        }
    }

    /// Writes the register at `offset` (bytes from the device's base).
    ///
    /// If there is no writable register at the offset, it ignores the write and reports [`RtcEvents::invalid_write`].
    /// Reserved bits are ignored.
    pub fn write(&mut self, offset: u16, value: u32, now: Instant) {
        self.advance(now);
        let mut state = self.state;
        match offset {
            RTCMR => {
                state.mr = value;
                state.ris |= state.counter == state.mr;
            }
            RTCLR => {
                state.lr = value;
                state.counter = value;
                state.ris |= state.counter == state.mr;
            }
            RTCCR => state.enabled |= value & RTCCR_START != 0,
            RTCIMSC => state.imsc = value & INTERRUPT != 0,
            RTCICR => state.ris &= value & INTERRUPT == 0,
            _ => self.events.invalid_write(offset, value),
        }
        self.enter(state);
    }

    /// Lets time pass until `now`. An alarm that becomes due goes off. If it is not masked, it drives the line high.
    pub fn advance(&mut self, now: Instant) {
        if !self.state.advance_within_the_second(now) {
            self.enter(self.state.advanced(now));
        }
    }

    /// Returns the time of the next call of [`advance`](Self::advance): when the alarm goes off, even if it is masked.
    /// Every access may change this time. `None` while no alarm can go off.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        self.state.next_alarm()
    }

    /// Performs a power-on reset (`nPOR`, `nRTCRST`, `PRESETn`; section 2.3.1): all registers are 0, the clock is
    /// stopped.
    ///
    /// The time is lost, as when a battery is changed. For a reboot of the guest, call [`soft_reset`](Self::soft_reset).
    pub fn reset(&mut self, now: Instant) {
        self.advance(now);
        self.enter(RtcState {
            saved_at: self.state.saved_at,
            ..RtcState::RESET
        });
    }

    /// Performs a soft reset (`PRESETn` alone, section 2.3.1), as for a reboot of the guest.
    ///
    /// The interrupt is cleared and masked, and the load register reads 0. The clock runs on, and the match register
    /// keeps its value.
    pub fn soft_reset(&mut self, now: Instant) {
        self.advance(now);
        self.enter(RtcState {
            lr: 0,
            imsc: false,
            ris: false,
            ..self.state
        });
    }

    /// Returns the level that the clock drives on its interrupt line.
    #[must_use]
    pub const fn interrupt_level(&self) -> bool {
        self.state.interrupt_level()
    }

    /// Returns the interrupt line.
    pub const fn interrupt(&self) -> &I {
        &self.interrupt
    }

    /// Returns the interrupt line, for example to take an adapter's error.
    pub const fn interrupt_mut(&mut self) -> &mut I {
        &mut self.interrupt
    }

    /// Returns the event handler.
    pub const fn events(&self) -> &EV {
        &self.events
    }

    /// Goes from one state to the next: reports an alarm, and drives the line if its level changed.
    fn enter(&mut self, next: RtcState) {
        let before = core::mem::replace(&mut self.state, next);
        if next.ris && !before.ris {
            self.events.alarm();
        }
        if next.interrupt_level() != before.interrupt_level() {
            self.interrupt.set_level(next.interrupt_level());
        }
    }
}

fn identification(offset: u16) -> Option<u32> {
    let distance = offset.checked_sub(RTCPERIPHID0)?;
    let value = *ID.get(usize::from(distance / 4))?;
    (distance % 4 == 0).then_some(u32::from(value))
}
