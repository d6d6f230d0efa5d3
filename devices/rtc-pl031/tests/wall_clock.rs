//! A host whose real-time clock is set while the machine runs, and while it is saved.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::cell::Cell;
use core::time::Duration;
use devstate_rtc_pl031::spec::{INTERRUPT, RTCDR, RTCIMSC, RTCMR};
use devstate_rtc_pl031::{Clock, Instant, NoEvents, Rtc, RtcState};

const START: u32 = 1_767_323_046;
const HOUR: Duration = Duration::from_secs(3_600);

/// A host with two clocks: one that is never set, and the one that people read, which is.
#[derive(Clone, Copy)]
struct Host {
    monotonic: Instant,
    unix: Instant,
}

impl Host {
    fn boot() -> Self {
        Self {
            monotonic: Instant::from_secs(100),
            unix: Instant::from_secs(START.into()),
        }
    }

    fn wait(&mut self, time: Duration) {
        self.monotonic = self.monotonic.saturating_add(time);
        self.unix = self.unix.saturating_add(time);
    }

    fn set_back(&mut self, by: Duration) {
        self.unix = self.unix.saturating_sub(by);
    }

    fn set_forward(&mut self, by: Duration) {
        self.unix = self.unix.saturating_add(by);
    }
}

/// As the crate's documentation says.
fn power_on(host: Host, line: &Cell<bool>) -> Rtc<&Cell<bool>> {
    let state = RtcState::at_unix_time(host.unix.since_epoch(), host.monotonic);
    Rtc::from_state(&state, line, NoEvents, host.monotonic, Clock::Frozen).unwrap()
}

fn save(rtc: &Rtc<&Cell<bool>>, host: Host) -> RtcState {
    rtc.state(host.monotonic).resumed(host.unix, Clock::Frozen)
}

fn restore<'a>(state: &RtcState, host: Host, line: &'a Cell<bool>) -> Rtc<&'a Cell<bool>> {
    let state = state.resumed(host.unix, Clock::Wall);
    Rtc::from_state(&state, line, NoEvents, host.monotonic, Clock::Frozen).unwrap()
}

fn set_alarm(rtc: &mut Rtc<&Cell<bool>>, seconds: u32, host: Host) {
    let at = rtc.read(RTCDR, host.monotonic) + seconds;
    rtc.write(RTCMR, at, host.monotonic);
    rtc.write(RTCIMSC, INTERRUPT, host.monotonic);
}

#[test]
fn an_alarm_comes_in_time_while_the_hosts_clock_is_set_both_ways() {
    for set in [Host::set_back as fn(&mut Host, Duration), Host::set_forward] {
        let (mut host, line) = (Host::boot(), Cell::new(false));
        let mut rtc = power_on(host, &line);
        set_alarm(&mut rtc, 5, host);
        set(&mut host, HOUR);
        for second in 1..=5 {
            host.wait(Duration::from_secs(1));
            rtc.advance(host.monotonic);
            assert_eq!(rtc.read(RTCDR, host.monotonic), START + second);
            assert_eq!(line.get(), second == 5);
        }
    }
}

#[test]
fn real_time_counts_between_save_and_restore() {
    let (mut host, line) = (Host::boot(), Cell::new(false));
    let mut rtc = power_on(host, &line);
    host.wait(Duration::from_secs(10));
    set_alarm(&mut rtc, 60, host);
    let state = save(&rtc, host);
    assert_eq!(state.saved_at, host.unix);

    // Another host, whose clock that is never set counts from elsewhere.
    let mut other = Host {
        monotonic: Instant::from_secs(7),
        unix: host.unix.saturating_add(HOUR),
    };
    let line = Cell::new(false);
    let mut rtc = restore(&state, other, &line);
    assert!(line.get(), "the alarm fell due meanwhile");
    assert_eq!(rtc.read(RTCDR, other.monotonic), START + 10 + 3_600);
    other.set_back(HOUR);
    other.wait(Duration::from_secs(3));
    assert_eq!(rtc.read(RTCDR, other.monotonic), START + 13 + 3_600);
}

#[test]
fn a_clock_that_was_set_back_while_the_machine_was_saved_counts_as_no_time() {
    let (mut host, line) = (Host::boot(), Cell::new(false));
    let mut rtc = power_on(host, &line);
    set_alarm(&mut rtc, 5, host);
    let state = save(&rtc, host);
    host.wait(Duration::from_secs(60));
    host.set_back(HOUR);
    let mut rtc = restore(&state, host, &line);
    assert_eq!(rtc.read(RTCDR, host.monotonic), START);
    assert_eq!(
        rtc.next_deadline(),
        Some(host.monotonic.saturating_add(Duration::from_secs(5)))
    );
}
