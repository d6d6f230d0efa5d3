//! Snapshots that `devstate qemu import` has written: the devices of a QEMU that was stopped while its guest was recorded.

use devstate_i8042::I8042State;
use devstate_qemu::QemuDevicesSer;
use devstate_rtc_pl031::RtcState;
use devstate_serial_16550::SerialState;
use devstate_versioning::{ReleaseTable, max_snapshot_len};

use crate::facts::Facts;
use crate::mirror::MachineStateSer;
use crate::snapshots::OPTIONS;
use crate::state::{InvalidMachine, MachineState};

/// The longest snapshot that a replay can go on from.
pub const MAX_SNAPSHOT_LEN: usize = {
    let (ours, theirs) = (
        max_snapshot_len::<MachineStateSer>(),
        max_snapshot_len::<QemuDevicesSer>(),
    );
    if ours < theirs { theirs } else { ours }
};

/// The devices in a snapshot, if it is one of QEMU's devices.
pub(crate) fn from_qemu(bytes: &[u8]) -> Option<QemuDevicesSer> {
    let mut devices = QemuDevicesSer::default();
    devstate_qemu::Release::load_with(OPTIONS, bytes, &mut devices).ok()?;
    Some(devices)
}

/// A machine with these devices. Devices that QEMU's had not are as at the start of a trace.
///
/// QEMU does not save whether the last write to the keyboard controller was a command. The trace knows.
pub(crate) fn machine_of(devices: &QemuDevicesSer, facts: &Facts, events: u64) -> Result<MachineState, InvalidMachine> {
    let mut state = MachineState {
        events,
        ..MachineState::START
    };
    if let Some(serial) = devices.serial.first() {
        state.serial = SerialState::try_from(serial).map_err(InvalidMachine::in_device("serial"))?;
    }
    if let Some(i8042) = &devices.i8042 {
        state.i8042 = I8042State::try_from(i8042).map_err(InvalidMachine::in_device("i8042"))?;
        state.i8042.last_write_was_command = facts.last_write_was_command;
    }
    if let Some(rtc) = &devices.rtc {
        state.rtc = RtcState::try_from(rtc).map_err(InvalidMachine::in_device("rtc"))?;
    }
    Ok(state)
}
