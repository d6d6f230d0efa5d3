//! The wire form of the whole machine but its memory.

use anyhow::{Result, anyhow, ensure};
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

impl TryFrom<&MachineState> for MachineStateSer {
    type Error = anyhow::Error;

    fn try_from(state: &MachineState) -> Result<Self> {
        let devices = &state.devices;
        let typed = heapless::Vec::from_slice(&devices.typed);
        Ok(Self {
            memory_id: state.memory_id,
            memory_len: state.memory_len,
            kvm: state.kvm.clone(),
            serial: (&devices.serial).into(),
            platform: (&devices.platform).into(),
            typed: typed.map_err(|_| anyhow!("more was typed ahead than the {MAX_TYPED} bytes of a snapshot"))?,
        })
    }
}

impl TryFrom<MachineStateSer> for MachineState {
    type Error = anyhow::Error;

    fn try_from(mut mirror: MachineStateSer) -> Result<Self> {
        // Another model may have received more than the chip holds: it is typed again.
        let typed: Vec<u8> = mirror.serial.take_backlog().into_iter().chain(mirror.typed).collect();
        // As much as a snapshot holds, or the machine could not be saved again.
        ensure!(
            typed.len() <= MAX_TYPED,
            "{} bytes were typed ahead, {MAX_TYPED} at most",
            typed.len()
        );
        let serial = (&mirror.serial).try_into();
        let devices = DevicesState {
            serial: serial.map_err(|error| anyhow!("the UART: {error}"))?,
            platform: mirror.platform.try_into()?,
            typed,
        };
        Ok(Self {
            memory_id: mirror.memory_id,
            memory_len: mirror.memory_len,
            kvm: mirror.kvm,
            devices,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that is loaded can be saved again.
    #[test]
    fn no_more_is_typed_ahead_after_a_load_than_a_snapshot_holds() -> Result<()> {
        let mut mirror = MachineStateSer::try_from(&MachineState {
            memory_id: 0,
            memory_len: 0,
            kvm: KvmStateSer::default(),
            devices: DevicesState::powered_on(),
        })?;
        mirror.typed.resize(MAX_TYPED, b'a').map_err(|_| anyhow!("no room"))?;
        let state = MachineState::try_from(mirror.clone())?;
        MachineStateSer::try_from(&state)?;

        // Larger than the chip: what it has no room for is typed again.
        mirror
            .serial
            .in_buffer
            .resize(64, b'b')
            .map_err(|_| anyhow!("no room"))?;
        let refusal = MachineState::try_from(mirror).unwrap_err().to_string();
        assert!(refusal.contains("were typed ahead, 256 at most"), "{refusal}");
        Ok(())
    }
}
