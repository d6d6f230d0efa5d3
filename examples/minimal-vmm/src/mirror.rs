//! The wire form of the whole machine but its memory.

use anyhow::{Result, anyhow};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::Versioned;

use crate::arch::{KvmStateSer, PlatformStateSer};
use crate::devices::{DevicesState, MAX_TYPED};
use crate::machine::MachineState;

/// What this VMM writes, at a release of the table that its architecture has: `x86_64/releases.rs`,
/// `aarch64/releases.rs`.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xd450_0e76_0de9_2571, open))]
pub struct MachineStateSer {
    memory_id: u64,
    memory_len: u64,
    kvm: KvmStateSer,
    serial: SerialStateSer,
    platform: PlatformStateSer,
    #[versioned(start = 2)]
    typed: heapless::Vec<u8, MAX_TYPED>,
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
                    platform,
                    typed,
                },
        } = state;
        Self {
            memory_id: *memory_id,
            memory_len: *memory_len,
            kvm: kvm.clone(),
            serial: serial.into(),
            platform: platform.into(),
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
            platform,
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
                platform: platform.try_into()?,
                typed,
            },
        })
    }
}
