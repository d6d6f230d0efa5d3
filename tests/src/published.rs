//! The devices' mirrors and the reference machine's, as they have been published.

use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_replay::{MachineStateSer, Release};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;

use crate::matrix::{MayChange, Root};

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
