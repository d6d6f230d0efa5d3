//! The devices' mirrors and the reference machine's, as they have been published.

use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_replay::MachineStateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::release_table;

use crate::matrix::{MayChange, Root};

release_table! {
    /// The releases of the reference machine, with rows for the keyboard and the mouse too: their snapshots were published
    /// before they were parts of the i8042's mirror. Rows for parts change no fingerprint.
    pub enum Release { V1 = 1 @ 0x9f74_95ee_5fb7_3f4c, V2 = 2 @ 0x3a81_4b57_c519_4f08, V3 = 3 @ 0x4ffd_a01f_4ab7_821f }
    RtcStateSer => [1, 2, 2],
    SerialStateSer => [1, 2, 2],
    I8042StateSer => [_, 1, 2],
    KeyboardStateSer => [_, 1, 2],
    MouseStateSer => [_, 1, 2],
    MachineStateSer => [1, 2, 2],
}

/// Version 1 of the UART, vm-superio's, does not have the changes of the modem's lines. This is all that a device's own
/// state can lose of what both versions have.
pub const FROM_DEVICES: MayChange = MayChange {
    down: &["SerialStateSer.modem_status"],
    up: &[],
};

/// In any bytes there are also bits of MCR that do not exist, which version 2 drops, errors in LSR, which version 1 does
/// not have once more when it is written, and a last packet of the mouse that is none.
const FROM_ANYWHERE: MayChange = MayChange {
    down: &["SerialStateSer.modem_status", "SerialStateSer.modem_control"],
    up: &[
        "SerialStateSer.modem_status",
        "SerialStateSer.modem_control",
        "SerialStateSer.line_errors",
        "MouseStateSer.last_packet",
        "MouseStateSer.last_sent",
    ],
};

/// Every mirror of the table.
pub fn roots() -> [Root<Release>; 6] {
    [
        Root::of::<RtcStateSer>(),
        Root::of::<SerialStateSer>().that_may_change(FROM_ANYWHERE),
        Root::of::<KeyboardStateSer>(),
        Root::of::<MouseStateSer>().that_may_change(FROM_ANYWHERE),
        Root::of::<I8042StateSer>().that_may_change(FROM_ANYWHERE),
        Root::of::<MachineStateSer>().that_may_change(FROM_ANYWHERE),
    ]
}
