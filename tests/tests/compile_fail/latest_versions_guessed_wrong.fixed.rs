//! The versions are the latest ones.
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::release_table;

release_table! {
    pub enum Release { V1 = 1 @ open }
    RtcStateSer => [2],
    SerialStateSer => [2],
    I8042StateSer => [2],
}

fn main() {}
