//! The wire form of this machine, and the releases in which this VMM has written it.

use std::time::Duration;

use anyhow::{Result, anyhow};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Versioned, release_table};

use super::PlatformState;
use super::gic::GicStateSer;
use super::hypervisor::KvmStateSer;
use crate::clock;
use crate::devices::{DevicesState, MAX_TYPED};
use crate::machine::MachineState;

/// Everything but what stands in memory.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x04d2_00c8_b947_de0f, open))]
pub struct MachineStateSer {
    memory_id: u64,
    memory_len: u64,
    kvm: KvmStateSer,
    serial: SerialStateSer,
    rtc: RtcStateSer,
    #[versioned(start = 2)]
    typed: heapless::Vec<u8, MAX_TYPED>,
}

release_table! {
    /// What this VMM has written, and reads. The first release knew the UART and the clock as vm-superio does.
    pub enum Release { V1 = 1 @ 0xbb8d_dfdf_3de2_5472, V2 = 2 @ open }
    MachineStateSer => [1, 2],
    KvmStateSer => [1, 1],
    GicStateSer => [1, 1],
    SerialStateSer => [1, 2],
    RtcStateSer => [1, 2],
}

impl From<&MachineState> for MachineStateSer {
    fn from(state: &MachineState) -> Self {
        let MachineState {
            memory_id,
            memory_len,
            kvm,
            devices:
                DevicesState {
                    serial,
                    platform: PlatformState { rtc },
                    typed,
                },
        } = state;
        Self {
            memory_id: *memory_id,
            memory_len: *memory_len,
            kvm: kvm.clone(),
            serial: serial.into(),
            rtc: rtc.into(),
            typed: typed.iter().copied().take(MAX_TYPED).collect(),
        }
    }
}

impl TryFrom<&MachineStateSer> for MachineState {
    type Error = anyhow::Error;

    fn try_from(mirror: &MachineStateSer) -> Result<Self> {
        let MachineStateSer {
            memory_id,
            memory_len,
            kvm,
            mut serial,
            mut rtc,
            typed,
        } = mirror.clone();
        // Another model may have received more than the chip holds: it is typed again.
        let typed = serial.take_backlog().into_iter().chain(typed).collect();
        // The first release wrote the clock's distance from the host's.
        let now = clock::unix();
        rtc.resolve(Duration::from_nanos(now), now);
        Ok(Self {
            memory_id,
            memory_len,
            kvm,
            devices: DevicesState {
                serial: (&serial).try_into().map_err(|error| anyhow!("the UART: {error}"))?,
                platform: PlatformState {
                    rtc: (&rtc).try_into().map_err(|error| anyhow!("the clock: {error}"))?,
                },
                typed,
            },
        })
    }
}
