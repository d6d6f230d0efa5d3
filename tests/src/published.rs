//! The devices' mirrors and the reference machine's, as they have been published.

use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_replay::MachineStateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::release_table;

use crate::matrix::Root;

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

/// Every mirror of the table.
pub fn roots() -> [Root<Release>; 6] {
    [
        Root::of::<RtcStateSer>(),
        Root::of::<SerialStateSer>(),
        Root::of::<KeyboardStateSer>(),
        Root::of::<MouseStateSer>(),
        Root::of::<I8042StateSer>(),
        Root::of::<MachineStateSer>(),
    ]
}
