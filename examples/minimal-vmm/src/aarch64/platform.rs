//! What this machine has beside the UART: the clock.

use std::time::Duration;

use anyhow::{Result, bail};
use devstate_core::{Clock, Instant, InterruptLine, WordRegisters};
use devstate_rtc_pl031::{NoEvents, Rtc, RtcState};

use super::{RTC, RTC_LINE};
use crate::clock;
use crate::devices::Address;
use crate::keyboard::KeyEvent;
use crate::vcpu::Stop;

/// The devices that other architectures do not have.
#[derive(Debug)]
pub struct Platform<L: InterruptLine> {
    rtc: Rtc<L>,
}

/// Their saved form.
pub type PlatformState = RtcState;

/// A clock that somebody has set.
pub fn powered_on() -> PlatformState {
    let now = clock::unix();
    RtcState::at_unix_time(now.since_epoch(), now)
}

impl<L: InterruptLine> Platform<L> {
    /// People's time has gone on while the machine was saved: an alarm that fell due meanwhile goes off now.
    pub fn from_state(state: &PlatformState, line: impl Fn(u32) -> L) -> Result<Self> {
        let rtc = Rtc::from_state(state, line(RTC_LINE), NoEvents, clock::unix(), Clock::Wall)?;
        Ok(Self { rtc })
    }

    pub fn state(&self) -> PlatformState {
        self.rtc.state(clock::unix())
    }

    /// Whether something answered.
    pub fn read(&mut self, address: Address, data: &mut [u8]) -> bool {
        let Some(offset) = address.offset_in(Address::Memory(RTC), RTC_LEN) else {
            return false;
        };
        let now = clock::unix();
        WordRegisters.read(offset, data, |register| self.rtc.read(register, now));
        true
    }

    /// Why the guest stops by this, if it does.
    pub fn write(&mut self, address: Address, data: &[u8]) -> Option<Stop> {
        if let Some(offset) = address.offset_in(Address::Memory(RTC), RTC_LEN) {
            let now = clock::unix();
            // A write of another width is lost, as on the bus of the real one.
            let _ = WordRegisters.write(offset, data, |register, value| self.rtc.write(register, value, now));
        }
        None
    }

    pub fn advance(&mut self) {
        self.rtc.advance(clock::unix());
    }

    /// On the clock that never goes backwards. People's clock may be set meanwhile, and goes on while the host sleeps:
    /// so nobody waits for long without looking at it again.
    pub fn next_deadline(&self) -> Option<Instant> {
        let wait = self.rtc.next_deadline()?.saturating_duration_since(clock::unix());
        Some(clock::monotonic().saturating_add(wait.min(LONGEST_WAIT)))
    }

    /// There is no keyboard.
    #[expect(clippy::unused_self, reason = "other architectures have one")]
    pub fn key(&mut self, _event: KeyEvent) -> Result<bool> {
        bail!("this machine has no keyboard")
    }
}

const RTC_LEN: u64 = 0x1000;
const LONGEST_WAIT: Duration = Duration::from_secs(1);
