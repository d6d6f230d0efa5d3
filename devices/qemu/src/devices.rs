//! The devices that were taken out of a file, as a snapshot has them.

use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Versioned, release_table};
use heapless::Vec;

/// The devices of a machine of QEMU's. A snapshot of them is what `devstate qemu import` writes.
///
/// The moment of the save is the machine's virtual time. Restore with `Clock::Frozen`: virtual time stood still meanwhile.
#[derive(Versioned, Clone, Debug, Default, PartialEq, Eq)]
#[versioned(version = 1, layouts(0xa681_ee9e_d7fe_6e9b))]
pub struct QemuDevicesSer {
    /// The virtual time in nanoseconds.
    pub virtual_time: u64,
    /// The UARTs, in the order of their instances in the file.
    pub serial: Vec<SerialStateSer, 8>,
    /// The keyboard controller with keyboard and mouse.
    pub i8042: Option<I8042StateSer>,
    /// The clock.
    pub rtc: Option<RtcStateSer>,
}

release_table! {
    /// What `devstate qemu import` has written.
    pub enum Release = "devstate-qemu" { V1 = 1 @ open }
    SerialStateSer => [2],
    I8042StateSer => [2],
    RtcStateSer => [2],
    QemuDevicesSer => [1],
}
