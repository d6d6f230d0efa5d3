//! Machines to measure with.

use crate::MachineSer;
use core::time::Duration;
use devstate_i8042::I8042State;
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031::RtcState;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::{Fifo, Instant, SerialState};
use devstate_serial_16550_ser::SerialStateSer;

/// In the middle of its work: a full receive FIFO, characters that wait to be sent, an alarm set.
#[must_use]
pub fn busy() -> MachineSer {
    let serial = SerialState {
        divisor: 1,
        ier: 0x05,
        fcr: 0x81,
        lcr: 0x03,
        mcr: 0x0b,
        rx: Fifo {
            bytes: *b"0123456789abcdef",
            len: 16,
        },
        timeout_remaining: SerialState::timeout_nanos(1, 0x03),
        tx: Fifo {
            bytes: *b"ABCDEFGH\0\0\0\0\0\0\0\0",
            len: 8,
        },
        tsr: Some(b'@'),
        saved_at: SAVED_AT,
        ..SerialState::RESET
    };
    let set = RtcState::at_unix_time(UNIX_TIME, SAVED_AT);
    let rtc = RtcState {
        mr: set.counter + 10,
        ..set
    };
    MachineSer {
        rtc: RtcStateSer::new(&rtc),
        serial: SerialStateSer::new(&serial),
        i8042: I8042StateSer::new(&I8042State::RESET),
    }
}

/// One that release 1 can say all of.
#[must_use]
pub fn of_release_1() -> MachineSer {
    let serial = SerialState {
        fcr: 0x01,
        ..SerialState::RESET
    };
    let mut machine = MachineSer {
        serial: SerialStateSer::new(&serial),
        ..MachineSer::default()
    };
    machine.rtc.enabled = true;
    machine.rtc.host_offset = Some(0);
    machine
}

const SAVED_AT: Instant = Instant::from_nanos(1);
const UNIX_TIME: Duration = Duration::from_secs(1_767_323_046);
