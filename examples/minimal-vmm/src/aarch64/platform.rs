//! What this machine has beside the UART: the clock.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use devstate_core::{Clock, WordRegisters};
use devstate_rtc_pl031::{NoEvents, Rtc, RtcState};
use kvm_ioctls::VmFd;

use super::{RTC, RTC_LINE};
use crate::clock;
use crate::devices::{Address, KvmLine};
use crate::keyboard::KeyEvent;
use crate::vcpu::Stop;

/// The devices that other architectures do not have.
#[derive(Debug)]
pub struct Platform {
    rtc: Rtc<KvmLine>,
}

/// Their saved form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformState {
    pub rtc: RtcState,
}

impl PlatformState {
    /// A clock that somebody has set.
    pub fn powered_on() -> Self {
        let now = clock::unix();
        Self {
            rtc: RtcState::at_unix_time(Duration::from_nanos(now), now),
        }
    }
}

impl Platform {
    /// People's time has gone on while the machine was saved: an alarm that fell due meanwhile goes off now.
    pub fn from_state(state: &PlatformState, vm: &Arc<VmFd>) -> Result<Self> {
        let line = KvmLine::new(vm, RTC_LINE);
        let rtc = Rtc::from_state(&state.rtc, line, NoEvents, clock::unix(), Clock::Wall)?;
        Ok(Self { rtc })
    }

    pub fn state(&self) -> PlatformState {
        PlatformState {
            rtc: self.rtc.state(clock::unix()),
        }
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

    /// On the clock that never goes backwards.
    pub fn next_deadline(&self) -> Option<u64> {
        let wait = self.rtc.next_deadline()?.saturating_sub(clock::unix());
        Some(clock::monotonic() + wait)
    }

    /// There is no keyboard.
    #[expect(clippy::unused_self, reason = "other architectures have one")]
    pub fn key(&mut self, _event: KeyEvent) -> Result<bool> {
        bail!("this machine has no keyboard")
    }
}

const RTC_LEN: u64 = 0x1000;
