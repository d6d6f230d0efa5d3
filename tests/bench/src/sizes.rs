//! Bytes: of a state in memory, of its mirror, and at most on the wire.

use devstate_i8042::I8042State;
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031::RtcState;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::Header;
use devstate_versioning::wire::Layout;

pub struct Size {
    pub device: &'static str,
    pub state: usize,
    pub mirror: usize,
    pub most: usize,
}

/// Of each device.
pub fn sizes() -> [Size; 3] {
    [
        size::<RtcState, RtcStateSer>("RTC"),
        size::<SerialState, SerialStateSer>("UART"),
        size::<I8042State, I8042StateSer>("i8042"),
    ]
}

/// What a snapshot has besides its payload.
pub const AROUND: usize = Header::LEN + Header::TRAILER_LEN;

fn size<S, M: Layout>(device: &'static str) -> Size {
    Size {
        device,
        state: size_of::<S>(),
        mirror: size_of::<M>(),
        most: M::MAX_ENCODED_LEN,
    }
}
