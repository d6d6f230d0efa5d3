//! The mirror of the devices that were imported from a file.

use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Versioned, release_table};
use heapless::Vec;

/// The devices of a QEMU machine. `devstate qemu import` writes a snapshot of this mirror.
///
/// The moment of the save is the machine's virtual time. Restore with `Clock::Frozen`, because virtual time was stopped
/// since the save.
#[derive(Versioned, Clone, Debug, Default, PartialEq, Eq)]
#[versioned(version = 1, layouts(0xa681_ee9e_d7fe_6e9b))]
pub struct QemuDevicesSer {
    /// The virtual time in nanoseconds.
    pub virtual_time: u64,
    /// The UARTs, in the order of their instances in the file.
    pub serial: Vec<SerialStateSer, 8>,
    /// The keyboard controller with keyboard and mouse.
    pub i8042: Option<I8042StateSer>,
    /// The real-time clock.
    pub rtc: Option<RtcStateSer>,
}

release_table! {
    /// The releases of the snapshots that `devstate qemu import` writes.
    pub enum Release = "devstate-qemu" { V1 = 1 @ open }
    SerialStateSer => [2],
    I8042StateSer => [2],
    RtcStateSer => [2],
    QemuDevicesSer => [1],
}
