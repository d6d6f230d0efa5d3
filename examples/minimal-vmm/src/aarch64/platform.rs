//! What this machine has beside the UART: the clock.

use anyhow::{Result, bail};
use devstate_core::{Clock, Instant, InterruptLine, WordRegisters};
use devstate_host::keyboard::KeyEvent;
use devstate_rtc_pl031::{NoEvents, Rtc, RtcState};

use super::{RTC, RTC_LINE};
use crate::clock;
use crate::devices::Address;
use crate::vcpu::Stop;

/// The devices that other architectures do not have.
#[derive(Debug)]
pub struct Platform<L: InterruptLine> {
    rtc: Rtc<L>,
}

/// Their saved form.
pub type PlatformState = RtcState;

/// A clock that shows the host's time. As every saved state, it is of a moment of real time.
pub fn powered_on() -> PlatformState {
    let now = clock::unix();
    RtcState::at_unix_time(now.since_epoch(), now)
}

impl<L: InterruptLine> Platform<L> {
    /// Real time has passed while the machine was saved: an alarm that fell due meanwhile goes off now. From here on the
    /// clock runs with the host's clock that is never set.
    pub fn from_state(state: &PlatformState, line: impl Fn(u32) -> L) -> Result<Self> {
        state.validate()?;
        let state = state.resumed(clock::unix(), Clock::Wall);
        let rtc = Rtc::from_state(&state, line(RTC_LINE), NoEvents, clock::monotonic(), Clock::Frozen)?;
        Ok(Self { rtc })
    }

    /// The state at this moment of real time.
    pub fn state(&self) -> PlatformState {
        self.rtc.state(clock::monotonic()).resumed(clock::unix(), Clock::Frozen)
    }

    /// Whether something answered.
    pub fn read(&mut self, address: Address, data: &mut [u8]) -> bool {
        let Some(offset) = address.offset_in(Address::Memory(RTC), RTC_LEN) else {
            return false;
        };
        let now = clock::monotonic();
        WordRegisters.read(offset, data, |register| self.rtc.read(register, now));
        true
    }

    /// Why the guest stops by this, if it does.
    pub fn write(&mut self, address: Address, data: &[u8]) -> Option<Stop> {
        if let Some(offset) = address.offset_in(Address::Memory(RTC), RTC_LEN) {
            let now = clock::monotonic();
            // A write of another width is lost, as on the bus of the real one.
            let _ = WordRegisters.write(offset, data, |register, value| self.rtc.write(register, value, now));
        }
        None
    }

    pub fn advance(&mut self) {
        self.rtc.advance(clock::monotonic());
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        self.rtc.next_deadline()
    }

    /// There is no keyboard.
    #[expect(clippy::unused_self, reason = "other architectures have one")]
    pub fn key(&mut self, _event: KeyEvent) -> Result<bool> {
        bail!("this machine has no keyboard")
    }

    #[expect(clippy::unused_self, reason = "other architectures have a keyboard")]
    pub fn key_at_once(&mut self, _event: KeyEvent) {}
}

const RTC_LEN: u64 = 0x1000;
