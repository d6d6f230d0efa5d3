//! Around the wire: validating a state, making its mirror, and making the state again.

use std::hint::black_box;

use devstate_core::{Clock, Instant, NoInterrupt};
use devstate_i8042::{I8042State, Key};
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031::{Rtc, RtcState};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{ReleaseTable, Versioned, release_table};

use crate::case::{Case, add, pair};
use crate::registers::{our_keyboard, our_serial};

macro_rules! device {
    ($cases:ident, $device:literal, $State:ty, $Mirror:ty) => {{
        let state = <$State>::RESET;
        let mirror = <$Mirror>::from(&state);
        assert_eq!(<$State>::try_from(&mirror), Ok(state), "{} does not come back", $device);
        add($cases, "around the wire", $device, "validate", move || {
            let _ = black_box(black_box(&state).validate());
        });
        add($cases, "around the wire", $device, "state to mirror", move || {
            black_box(<$Mirror>::from(black_box(&state)));
        });
        add($cases, "around the wire", $device, "mirror to state", move || {
            let _ = black_box(<$State>::try_from(black_box(&mirror)));
        });
    }};
}

/// Three devices in one snapshot.
#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(open))]
struct MachineSer {
    rtc: RtcStateSer,
    serial: SerialStateSer,
    i8042: I8042StateSer,
}

release_table! {
    enum Release { V1 = 1 @ open }
    RtcStateSer => [2],
    SerialStateSer => [2],
    I8042StateSer => [2],
    MachineSer => [1],
}

/// From devices to a snapshot, and from the snapshot to the same devices.
fn whole_way(cases: &mut Vec<Case>) {
    let now = Instant::from_millis(5);
    let (rtc, mut serial, mut i8042) = (Rtc::new(NoInterrupt), our_serial(), our_keyboard());
    let _ = serial.receive(b"sixteen bytes in", now);
    i8042.key(Key::A, true);
    let save = move |buffer: &mut [u8]| {
        let machine = MachineSer {
            rtc: (&rtc.state(now)).into(),
            serial: (&serial.state(now)).into(),
            i8042: (&i8042.state()).into(),
        };
        Release::save(&machine, buffer).map_or(0, <[u8]>::len)
    };
    let (mut rtc, mut serial, mut i8042) = (Rtc::new(NoInterrupt), our_serial(), our_keyboard());
    let mut machine = MachineSer::default();
    let mut restore = move |snapshot: &[u8]| -> Option<()> {
        Release::load(snapshot, &mut machine).ok()?;
        let (rtc_state, serial_state) = ((&machine.rtc).try_into().ok()?, (&machine.serial).try_into().ok()?);
        i8042.restore(&(&machine.i8042).try_into().ok()?).ok()?;
        rtc.restore(&rtc_state, now, Clock::Frozen).ok()?;
        serial.restore(&serial_state, now, Clock::Frozen).ok()
    };
    let names = ["save three devices", "restore three devices"];
    pair(cases, "the whole way", "devstate", names, save, move |snapshot| {
        assert_eq!(black_box(restore(snapshot)), Some(()));
    });
}

pub fn cases(cases: &mut Vec<Case>) {
    device!(cases, "RTC", RtcState, RtcStateSer);
    device!(cases, "UART", SerialState, SerialStateSer);
    device!(cases, "i8042", I8042State, I8042StateSer);
    whole_way(cases);
}
