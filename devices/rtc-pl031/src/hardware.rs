//! The state of a real PL031: capture and apply.

use crate::spec::{INTERRUPT, RTCCR, RTCCR_START, RTCDR, RTCICR, RTCIMSC, RTCLR, RTCMR, RTCRIS};
use crate::state::RtcState;
use devstate_core::{Instant, InvalidState, RegisterIo, Unapplied};

impl RtcState {
    /// Reads the state of a real clock. The clock is unchanged.
    ///
    /// No register shows the part of a second that has passed. It is taken as 0, so that the captured time is up to a
    /// second late. To avoid that, wait until [`RTCDR`] changes before the call.
    ///
    /// ```
    /// use devstate_core::{Instant, RegisterIo};
    /// use devstate_rtc_pl031::RtcState;
    ///
    /// /// A PL031 in memory, as a firmware reaches it.
    /// struct Mapped(&'static [core::sync::atomic::AtomicU32]);
    /// impl RegisterIo<u32> for Mapped {
    ///     fn read(&mut self, offset: u16) -> u32 {
    ///         self.0[usize::from(offset / 4)].load(core::sync::atomic::Ordering::Relaxed)
    ///     }
    ///     fn write(&mut self, offset: u16, value: u32) {
    ///         self.0[usize::from(offset / 4)].store(value, core::sync::atomic::Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// # fn sleep(mut registers: Mapped, now: Instant) -> RtcState {
    /// let state = RtcState::capture(&mut registers, now);
    /// # state
    /// # }
    /// ```
    #[must_use]
    pub fn capture(registers: &mut impl RegisterIo<u32>, now: Instant) -> Self {
        let counter = registers.read(RTCDR);
        let mut state = Self::read_once(registers, counter, now);
        // A tick in between may be in some registers and not in others.
        for _ in 0..MOST_TICKS {
            let counter = registers.read(RTCDR);
            if counter == state.counter {
                break;
            }
            state = Self::read_once(registers, counter, now);
        }
        state
    }

    fn read_once(registers: &mut impl RegisterIo<u32>, counter: u32, now: Instant) -> Self {
        Self {
            counter,
            sub_second_ns: 0,
            lr: registers.read(RTCLR),
            mr: registers.read(RTCMR),
            enabled: registers.read(RTCCR) & RTCCR_START != 0,
            imsc: registers.read(RTCIMSC) & INTERRUPT != 0,
            ris: registers.read(RTCRIS) & INTERRUPT != 0,
            saved_at: now,
        }
    }

    /// Writes this state to a real clock, and returns the fields that could not be written. The list can have one
    /// entry: `ris`, for a pending alarm. The firmware must then serve the alarm itself.
    ///
    /// Call [`resumed`](Self::resumed) first to bring the state up to date. The hardware may not show a pending alarm
    /// yet: it may compare only at the next tick of its slow clock (section 2.2.4), and no register sets the interrupt
    /// directly.
    ///
    /// The list does not show two further limits: the part of a second that has passed cannot be set, and a running
    /// clock cannot be stopped. Afterwards RTCLR reads the value that this call sets.
    ///
    /// # Errors
    ///
    /// [`validate`](Self::validate) refuses the state. The hardware is unchanged.
    pub fn apply(&self, registers: &mut impl RegisterIo<u32>) -> Result<Unapplied, InvalidState> {
        self.validate()?;
        registers.write(RTCIMSC, 0);
        if self.enabled {
            registers.write(RTCCR, RTCCR_START);
        }
        registers.write(RTCLR, self.counter);
        // A match with the present value sets off the alarm: what is wanted if it is pending, and cleared if the
        // saved one has been served.
        if self.ris || self.mr == self.counter {
            registers.write(RTCMR, self.counter);
        }
        if !self.ris {
            registers.write(RTCICR, INTERRUPT);
        }
        if self.mr != self.counter {
            registers.write(RTCMR, self.mr);
        }
        registers.write(RTCIMSC, if self.imsc { INTERRUPT } else { 0 });
        let missing = self.ris && registers.read(RTCRIS) & INTERRUPT == 0;
        Ok(Unapplied::NONE.with("ris", missing.into()))
    }
}

/// A second is much longer than a capture, so there is one at most; faster ones are not waited for.
const MOST_TICKS: u32 = 4;
