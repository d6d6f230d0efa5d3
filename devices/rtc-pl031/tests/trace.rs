//! What Linux 6.1 did to QEMU's PL031, access by access, with a save and restore between any two.

use core::cell::Cell;
use devstate_core::{Clock, Instant};
use devstate_rtc_pl031::spec::RTCPERIPHID0;
use devstate_rtc_pl031::{NoEvents, Rtc, RtcState};

/// The revision in `RTCPeriphID2` bits [7:4]: QEMU says 1, the manual 0 (DIFFERENCES.md, `revision`).
const REVISION: (u16, u32, u32) = (RTCPERIPHID0 + 8, 0x14, 0x04);

#[test]
fn linux_sees_the_clock_it_saw() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/replay/traces/linux-6.1-arm64-pl031.trace"
    );
    let trace = std::fs::read_to_string(file).unwrap();
    let line = Cell::new(false);
    let mut now = 0;
    // The recording starts with a clock that runs, and says where it stands before it is first read.
    let running = RtcState {
        enabled: true,
        ..RtcState::RESET
    };
    let mut rtc = Rtc::from_state(&running, &line, NoEvents, Instant::from_nanos(now), Clock::Wall).unwrap();
    let mut reads = 0;
    for (number, text) in (1..).zip(trace.lines()) {
        let words: Vec<&str> = text.split(' ').collect();
        let hex = |word: &str| u32::from_str_radix(word, 16).unwrap();
        match words[1..] {
            ["r", offset, expected] => {
                reads += 1;
                let offset = hex(offset) as u16;
                let found = rtc.read(offset, Instant::from_nanos(now));
                if (offset, hex(expected), found) != REVISION {
                    assert_eq!(found, hex(expected), "line {number}: {text}");
                }
            }
            ["w", offset, value] => rtc.write(hex(offset) as u16, hex(value), Instant::from_nanos(now)),
            ["epoch", seconds] => {
                let state = RtcState {
                    counter: seconds.parse().unwrap(),
                    ..rtc.state(Instant::from_nanos(now))
                };
                rtc.restore(&state, Instant::from_nanos(now), Clock::Wall).unwrap();
            }
            ["elapse", seconds] => {
                now += seconds.parse::<u64>().unwrap() * 1_000_000_000;
                rtc.advance(Instant::from_nanos(now));
            }
            ["irq", level] => assert_eq!(u32::from(line.get()), hex(level), "line {number}: {text}"),
            _ => panic!("line {number}: {text}"),
        }
        let state = rtc.state(Instant::from_nanos(now));
        rtc = Rtc::from_state(&state, &line, NoEvents, Instant::from_nanos(now), Clock::Wall).unwrap();
        assert_eq!(rtc.state(Instant::from_nanos(now)), state);
    }
    assert!(reads > 30);
}
