//! The wire form of what only this machine has, and the releases in which this VMM has written it.

use anyhow::{Result, anyhow};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Versioned, release_table};

use super::PlatformState;
use super::gic::GicStateSer;
use super::hypervisor::KvmStateSer;
use crate::clock;
use crate::mirror::MachineStateSer;

/// The wire form of [`PlatformState`].
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x73aa_36e0_c484_c973))]
pub struct PlatformStateSer {
    rtc: RtcStateSer,
}

release_table! {
    /// What this VMM has written, and reads. The first release knew the UART and the clock as vm-superio does.
    pub enum Release { V1 = 1 @ 0xfeb6_246d_5708_6547, V2 = 2 @ open }
    MachineStateSer => [1, 2],
    KvmStateSer => [1, 1],
    GicStateSer => [1, 1],
    SerialStateSer => [1, 2],
    PlatformStateSer => [1, 1],
    RtcStateSer => [1, 2],
}

impl From<&PlatformState> for PlatformStateSer {
    fn from(rtc: &PlatformState) -> Self {
        Self { rtc: rtc.into() }
    }
}

impl TryFrom<PlatformStateSer> for PlatformState {
    type Error = anyhow::Error;

    fn try_from(PlatformStateSer { mut rtc }: PlatformStateSer) -> Result<Self> {
        // The first release wrote the clock's distance from the host's.
        let now = clock::unix();
        rtc.resolve(now.since_epoch(), now);
        (&rtc).try_into().map_err(|error| anyhow!("the clock: {error}"))
    }
}
