//! The versions of other crates' mirrors are guessed, and wrong. One error names all of them.
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::release_table;

release_table! {
    pub enum Release { V1 = 1 @ open }
    RtcStateSer => [1],
    SerialStateSer => [1],
    I8042StateSer => [3],
}

fn main() {}
