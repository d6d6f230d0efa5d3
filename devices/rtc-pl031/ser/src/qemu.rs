//! Converts the state of a PL031 from and to QEMU's format.

use devstate_core::Instant;
use devstate_qemu_section::{Loss, Losses, Refused, section};
use devstate_rtc_pl031::{RtcState, spec};

use crate::mirror::RtcStateSer;

section! {
    /// QEMU's section `pl031`.
    ///
    /// ```
    /// use devstate_core::Instant;
    /// use devstate_qemu_section::Section;
    /// use devstate_rtc_pl031::RtcState;
    /// use devstate_rtc_pl031_ser::{RtcStateSer, qemu::Pl031Section};
    ///
    /// // Cut out of a migration file that was written after 2.5 seconds of the machine's time.
    /// let bytes = [0, 0x0f, 0x42, 0x42, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    /// let section = Pl031Section::parse(&bytes)?;
    /// let mirror = RtcStateSer::try_from((&section, Instant::from_millis(2_500)))?;
    /// let state = RtcState::try_from(&mirror)?;
    /// assert_eq!((state.counter, state.sub_second_ns, state.imsc), (1_000_004, 500_000_000, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub struct Pl031Section = "pl031", version 1 {
        /// The clock's value in seconds, minus the seconds of the machine's virtual time.
        pub tick_offset_vmstate: u32,
        /// RTCMR.
        pub mr: u32,
        /// RTCLR.
        pub lr: u32,
        /// RTCCR. QEMU does not use it.
        pub cr: u32,
        /// RTCIMSC.
        pub im: u32,
        /// RTCRIS.
        pub is: u32,
    }
    subsections {
        /// Present from machine version 4.1 on.
        pub tick_offset: Pl031TickOffset,
    }
}

section! {
    /// QEMU's subsection `pl031/tick-offset`.
    pub struct Pl031TickOffset = "pl031/tick-offset", version 1 {
        /// The clock's value in seconds, minus the seconds of the clock that `-rtc clock=` selects. By default this is
        /// the host's clock.
        pub tick_offset: u32,
    }
}

impl Pl031Section {
    /// Converts the section to the state of our device. `now` is the machine's virtual time. Calls the visitor with
    /// each loss.
    ///
    /// With `-rtc clock=vm`, QEMU's clock and its virtual time begin a second at the same moment. If QEMU's clock
    /// follows the host's, the result may be wrong by a second.
    ///
    /// # Errors
    ///
    /// The visitor refused a loss.
    pub fn to_state(self, now: Instant, visit: &mut dyn FnMut(&Loss) -> bool) -> Result<RtcState, Refused> {
        let Self {
            tick_offset_vmstate,
            mr,
            lr,
            cr,
            im,
            is,
            tick_offset,
        } = self;
        let mut losses = Losses::new(visit);
        if cr != 0 {
            losses.ignore("cr", cr, "QEMU's clock always runs and ignores it")?;
        }
        for (field, value) in [("im", im), ("is", is)] {
            if value & !spec::INTERRUPT != 0 {
                losses.lose(field, value, "a register of one bit")?;
            }
        }
        if let Some(Pl031TickOffset { tick_offset }) = tick_offset
            && tick_offset != tick_offset_vmstate
        {
            losses.ignore(
                "tick_offset",
                tick_offset,
                "relative to a clock that is not in the file",
            )?;
        }
        let (seconds, sub_second_ns) = split(now);
        Ok(RtcState {
            counter: tick_offset_vmstate.wrapping_add(seconds),
            sub_second_ns,
            lr,
            mr,
            enabled: true,
            imsc: im & spec::INTERRUPT != 0,
            ris: is & spec::INTERRUPT != 0,
            saved_at: now,
        })
    }

    /// Converts the state of our device to QEMU's section. `now` is the machine's virtual time. Calls the visitor with
    /// each loss.
    ///
    /// The section has no subsection. So QEMU's clock continues from the value in the state, with any setting of `-rtc
    /// clock=`.
    ///
    /// # Errors
    ///
    /// The visitor refused a loss.
    pub fn from_state(state: &RtcState, now: Instant, visit: &mut dyn FnMut(&Loss) -> bool) -> Result<Self, Refused> {
        let RtcState {
            counter,
            sub_second_ns,
            lr,
            mr,
            enabled,
            imsc,
            ris,
            saved_at: _,
        } = *state;
        let mut losses = Losses::new(visit);
        let (seconds, now_sub_second_ns) = split(now);
        if !enabled {
            losses.lose("enabled", 0, "QEMU's clock always runs")?;
        }
        if sub_second_ns != now_sub_second_ns {
            let reason = "QEMU's clock ticks with the seconds of the machine's virtual time";
            losses.ignore("sub_second_ns", sub_second_ns, reason)?;
        }
        if counter == mr && !ris {
            losses.lose(
                "ris",
                0,
                "QEMU sets the alarm off when the values are equal at the start",
            )?;
        }
        Ok(Self {
            tick_offset_vmstate: counter.wrapping_sub(seconds),
            mr,
            lr,
            cr: 0,
            im: imsc.into(),
            is: ris.into(),
            tick_offset: None,
        })
    }
}

/// Seconds, as far as they fit into the clock, and nanoseconds.
const fn split(now: Instant) -> (u32, u32) {
    let now = now.as_nanos();
    ((now / spec::TICK_NS) as u32, (now % spec::TICK_NS) as u32)
}

impl TryFrom<(&Pl031Section, Instant)> for RtcStateSer {
    type Error = Refused;

    /// Converts a section to a mirror. The second value is the machine's virtual time.
    ///
    /// # Errors
    ///
    /// A guest could see a loss.
    fn try_from((section, now): (&Pl031Section, Instant)) -> Result<Self, Refused> {
        let state = section.to_state(now, &mut |loss| loss.ignorable)?;
        Ok(Self::new(&state))
    }
}

impl TryFrom<(&RtcStateSer, Instant)> for Pl031Section {
    type Error = Refused;

    /// Converts a mirror to QEMU's section. The second value is the machine's virtual time.
    ///
    /// # Errors
    ///
    /// A guest could see a loss, or the state is impossible for a device.
    fn try_from((mirror, now): (&RtcStateSer, Instant)) -> Result<Self, Refused> {
        let state = RtcState::try_from(mirror)?;
        Self::from_state(&state, now, &mut |loss| loss.ignorable)
    }
}
