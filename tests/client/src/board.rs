//! Two upstream states in one mirror, beside what is the product's own.

use devstate_rtc_pl031::RtcState;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::Versioned;

/// Everything on this product's board.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xfad4_cc14_eda1_37f9, open))]
pub struct BoardSer {
    pub rtc: RtcStateSer,
    pub serial: SerialStateSer,
    pub uptime: u64,
    /// How often the board was restored; an older build does without it.
    #[versioned(start = 2, ignorable)]
    pub restores: u32,
}

impl BoardSer {
    pub fn new(rtc: &RtcState, serial: &SerialState, uptime: u64, restores: u32) -> Self {
        Self {
            rtc: RtcStateSer::new(rtc),
            serial: SerialStateSer::new(serial),
            uptime,
            restores,
        }
    }
}
