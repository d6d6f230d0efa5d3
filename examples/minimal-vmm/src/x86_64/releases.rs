//! The wire form of what only a PC has, and the releases in which this VMM has written PCs.

use anyhow::{Result, anyhow};
use devstate_i8042_ser::I8042StateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Versioned, release_table};

use super::PlatformState;
use super::kvm_state::KvmStateSer;
use crate::mirror::MachineStateSer;

/// The wire form of [`PlatformState`].
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x5aae_7972_a2ee_5c24, open))]
pub struct PlatformStateSer {
    #[versioned(start = 2)]
    i8042: I8042StateSer,
}

release_table! {
    /// What this VMM has written, and reads. The first release knew the UART as vm-superio does, and no keyboard.
    pub enum Release { V1 = 1 @ 0xfeb7_34d9_772f_a6a7, V2 = 2 @ open }
    MachineStateSer => [1, 2],
    KvmStateSer => [1, 1],
    SerialStateSer => [1, 2],
    PlatformStateSer => [1, 2],
    I8042StateSer => [_, 2],
}

impl From<&PlatformState> for PlatformStateSer {
    fn from(i8042: &PlatformState) -> Self {
        Self { i8042: i8042.into() }
    }
}

impl TryFrom<PlatformStateSer> for PlatformState {
    type Error = anyhow::Error;

    fn try_from(platform: PlatformStateSer) -> Result<Self> {
        let i8042 = (&platform.i8042).try_into();
        i8042.map_err(|error| anyhow!("the keyboard controller: {error}"))
    }
}
