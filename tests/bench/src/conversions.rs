//! Around the wire: validating a state, making its mirror, and making the state again.

use std::hint::black_box;

use devstate_i8042::I8042State;
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031::RtcState;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;

use crate::case::Case;

macro_rules! device {
    ($cases:ident, $device:literal, $State:ty, $Mirror:ty) => {{
        let state = <$State>::RESET;
        let mirror = <$Mirror>::from(&state);
        assert_eq!(<$State>::try_from(&mirror), Ok(state), "{} does not come back", $device);
        $cases.push(Case::new("around the wire", $device, "validate", move || {
            let _ = black_box(black_box(&state).validate());
        }));
        $cases.push(Case::new("around the wire", $device, "state to mirror", move || {
            black_box(<$Mirror>::from(black_box(&state)));
        }));
        $cases.push(Case::new("around the wire", $device, "mirror to state", move || {
            let _ = black_box(<$State>::try_from(black_box(&mirror)));
        }));
    }};
}

pub fn cases(cases: &mut Vec<Case>) {
    device!(cases, "RTC", RtcState, RtcStateSer);
    device!(cases, "UART", SerialState, SerialStateSer);
    device!(cases, "i8042", I8042State, I8042StateSer);
}
