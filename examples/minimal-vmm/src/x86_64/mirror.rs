//! The wire form of this machine, and the releases in which this VMM has written it.

use anyhow::{Result, anyhow};
use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Versioned, release_table};

use super::PlatformState;
use super::hypervisor::KvmStateSer;
use crate::devices::{DevicesState, MAX_TYPED};
use crate::machine::MachineState;

/// Everything but what stands in memory.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xe1f2_b2fb_08ac_8372, open))]
pub struct MachineStateSer {
    memory_id: u64,
    memory_len: u64,
    kvm: KvmStateSer,
    serial: SerialStateSer,
    #[versioned(start = 2)]
    i8042: I8042StateSer,
    #[versioned(start = 2)]
    typed: heapless::Vec<u8, MAX_TYPED>,
}

release_table! {
    /// What this VMM has written, and reads. The first release knew the UART as vm-superio does, and no keyboard.
    pub enum Release { V1 = 1 @ 0xb1ab_5feb_cf04_a884, V2 = 2 @ open }
    MachineStateSer => [1, 2],
    KvmStateSer => [1, 1],
    SerialStateSer => [1, 2],
    I8042StateSer => [_, 1],
    KeyboardStateSer => [_, 1],
    MouseStateSer => [_, 1],
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
                    platform: PlatformState { i8042 },
                    typed,
                },
        } = state;
        Self {
            memory_id: *memory_id,
            memory_len: *memory_len,
            kvm: kvm.clone(),
            serial: serial.into(),
            i8042: i8042.into(),
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
            i8042,
            typed,
        } = mirror.clone();
        // Another model may have received more than the chip holds: it is typed again.
        let typed = serial.take_backlog().into_iter().chain(typed).collect();
        Ok(Self {
            memory_id,
            memory_len,
            kvm,
            devices: DevicesState {
                serial: (&serial).try_into().map_err(|error| anyhow!("the UART: {error}"))?,
                platform: PlatformState {
                    i8042: (&i8042)
                        .try_into()
                        .map_err(|error| anyhow!("the keyboard controller: {error}"))?,
                },
                typed,
            },
        })
    }
}
