//! The clock on its way out of QEMU and into it.

use super::{BLUR, LINE, SECOND, Subject};
use crate::travel::{Moment, Traveller, layout};
use anyhow::{Context, Result, ensure};
use devstate_core::Instant;
use devstate_qemu::QemuDevicesSer;
use devstate_qemu_section::Layout;
use devstate_rtc_pl031::RtcState;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_rtc_pl031_ser::qemu::Pl031Section;

impl Traveller for Subject {
    const ICOUNT_SHIFT: Option<u8> = Some(10);
    const MOMENTS: &'static [Moment<Self>] = &[
        ("an alarm is pending", |subject| subject.state().ris),
        ("an alarm is pending and masked", |subject| {
            subject.state().ris && !subject.state().imsc
        }),
        ("an alarm is near", |subject| {
            let state = subject.state();
            !state.ris && (1..5).contains(&state.mr.wrapping_sub(state.counter))
        }),
        ("the interrupt line is up", |subject| subject.device.interrupt_level()),
    ];
    const AROUND: &'static [(&'static str, &'static str)] = &[(
        "pl031/tick-offset.tick_offset",
        "left out: the clock goes on with the virtual time, whatever the host's says",
    )];
    const SECTIONS: &'static [(&'static str, &'static Layout)] = &[("pl031", layout::<Pl031Section>())];

    fn put(&mut self, devices: &mut QemuDevicesSer) {
        devices.rtc = Some(RtcStateSer::new(&self.state()));
    }

    fn take(&mut self, devices: &QemuDevicesSer, started: bool) -> Result<()> {
        let mut state = RtcState::try_from(devices.rtc.as_ref().context("no clock")?)?;
        let before = self.state();
        if started {
            // All alarms are set anew, and one that is due goes off.
            let ticks = u64::from(state.mr.wrapping_sub(state.counter));
            state.ris |= ticks == 0;
            self.their_alarm = (ticks != 0).then_some(state.saved_at.as_nanos() + ticks * SECOND);
        } else {
            let late = state.saved_at.as_nanos().abs_diff(self.now);
            ensure!(
                late < BLUR,
                "QEMU's clock says {:?}, and the guest's {}",
                state.saved_at,
                self.now
            );
            let now = Instant::from_nanos(self.now);
            let same = RtcState {
                saved_at: before.saved_at,
                sub_second_ns: before.sub_second_ns,
                ..state
            };
            ensure!(same == before.advanced(now), "{before:?} has become {state:?}");
        }
        self.now = state.saved_at.as_nanos();
        self.correct(|here| *here = state);
        if started {
            let _ = self.lines.take_edges();
        }
        Ok(())
    }

    fn up(&self) -> Vec<u16> {
        let is_up = self.device.interrupt_level();
        is_up.then_some(LINE).into_iter().collect()
    }
}
