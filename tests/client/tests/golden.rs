//! The bytes of what this product has published are frozen, as those of the family are.

use client::Release;
use client::board::BoardSer;
use client::console::ConsoleSer;
use devstate_golden::Golden;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;

#[test]
fn published_bytes_stay() {
    let golden = Golden::<Release>::new(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    // Release 2 is not published yet.
    assert_eq!(golden.check::<BoardSer>(), Ok(15));
    assert_eq!(golden.check::<ConsoleSer>(), Ok(15));
    assert_eq!(golden.check::<RtcStateSer>(), Ok(15));
    assert_eq!(golden.check::<SerialStateSer>(), Ok(15));
}
