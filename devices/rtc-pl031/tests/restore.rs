//! Saving, restoring, refusing, and the way to real hardware and back.

use core::cell::Cell;
use core::time::Duration;
use devstate_core::{Clock, Instant, InterruptLine, InvalidState, NoInterrupt, RegisterIo};
use devstate_rtc_pl031::spec::{RTCCR, RTCDR, RTCICR, RTCIMSC, RTCLR, RTCMIS, RTCMR, RTCRIS};
use devstate_rtc_pl031::{NoEvents, Rtc, RtcState, Unapplied};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn restored<I: InterruptLine>(state: &RtcState, line: I, now: Instant, clock: Clock) -> Rtc<I> {
    Rtc::from_state(state, line, NoEvents, now, clock).unwrap()
}

/// A clock with every field off its reset value.
fn busy() -> RtcState {
    RtcState {
        counter: 0x89ab_cdef,
        sub_second_ns: 999_999_999,
        lr: 0x0123_4567,
        mr: 0x89ab_cdf3,
        enabled: true,
        imsc: true,
        ris: true,
        saved_at: Instant::from_nanos(77 * SECOND),
    }
}

#[test]
fn a_saved_clock_comes_back_field_by_field() {
    let state = busy();
    let now = state.saved_at;
    let rtc = restored(&state, NoInterrupt, now, Clock::Wall);
    assert_eq!(rtc.state(now), state);
    let mut other = Rtc::new(NoInterrupt);
    other.restore(&state, now, Clock::Frozen).unwrap();
    assert_eq!(other.state(now), state);
}

#[test]
fn default_is_reset() {
    assert_eq!(RtcState::default(), RtcState::RESET);
    assert_eq!(Rtc::new(NoInterrupt).state(Instant::EPOCH), RtcState::RESET);
    assert_eq!(RtcState::RESET.validate(), Ok(()));
}

#[test]
fn every_fraction_of_a_second_or_more_is_refused_and_nothing_changes() {
    let line = Cell::new(false);
    let mut rtc = restored(&busy(), &line, Instant::EPOCH, Clock::Wall);
    let before = rtc.state(Instant::EPOCH);
    line.set(false);
    for bad in [1_000_000_000, 1_000_000_001, 1 << 30, 1 << 31, u32::MAX] {
        let state = RtcState {
            sub_second_ns: bad,
            ..RtcState::RESET
        };
        let error = InvalidState::new("sub_second_ns", bad.into(), "a second has 1000000000 ns");
        assert_eq!(rtc.restore(&state, Instant::from_nanos(5), Clock::Wall), Err(error));
        assert_eq!(
            Rtc::from_state(&state, NoInterrupt, NoEvents, Instant::from_nanos(5), Clock::Wall).err(),
            Some(error)
        );
        assert_eq!(
            (rtc.state(Instant::EPOCH), line.get()),
            (before, false),
            "untouched, line not driven"
        );
    }
    let edge = RtcState {
        sub_second_ns: 999_999_999,
        ..RtcState::RESET
    };
    assert_eq!(rtc.restore(&edge, Instant::from_nanos(5), Clock::Wall), Ok(()));
}

#[test]
fn the_line_is_driven_on_every_restore() {
    struct Driven<'a>(&'a Cell<Option<bool>>);
    impl InterruptLine for Driven<'_> {
        fn set_level(&mut self, asserted: bool) {
            self.0.set(Some(asserted));
        }
    }
    for (imsc, ris) in [(false, false), (false, true), (true, false), (true, true)] {
        let state = RtcState { imsc, ris, ..busy() };
        let level = Cell::new(None);
        let mut rtc = restored(&state, Driven(&level), state.saved_at, Clock::Wall);
        assert_eq!(level.take(), Some(imsc && ris));
        rtc.restore(&state, state.saved_at, Clock::Wall).unwrap();
        assert_eq!(level.take(), Some(imsc && ris));
    }
}

#[test]
fn time_went_on_or_stood_still() {
    let state = RtcState {
        mr: 0x89ab_cdf0,
        ris: false,
        ..busy()
    };
    let line = Cell::new(false);
    let now = state.saved_at.saturating_add_nanos(100 * SECOND);
    assert_eq!(
        restored(&state, &line, now, Clock::Wall).read(RTCDR, now),
        0x89ab_cdef + 100
    );
    assert!(line.get(), "the alarm fell due on the way");

    let mut frozen = restored(&state, &line, now, Clock::Frozen);
    assert!(!line.get());
    assert_eq!(frozen.next_deadline(), Some(now.saturating_add_nanos(1)));
    assert_eq!(frozen.read(RTCDR, now), 0x89ab_cdef);
    assert_eq!(frozen.read(RTCMIS, now.saturating_add_nanos(1)), 1);
}

#[test]
fn an_alarm_acknowledged_in_the_second_of_the_save_does_not_come_back() {
    let line = Cell::new(false);
    let mut rtc = restored(
        &RtcState {
            mr: busy().counter,
            sub_second_ns: 5,
            ..busy()
        },
        &line,
        Instant::EPOCH,
        Clock::Frozen,
    );
    assert!(line.get());
    rtc.write(RTCICR, 1, Instant::EPOCH);
    for clock in [Clock::Wall, Clock::Frozen] {
        let state = rtc.state(Instant::from_nanos(10));
        rtc = restored(&state, &line, Instant::from_nanos(20), clock);
        assert_eq!((rtc.read(RTCRIS, Instant::from_nanos(20)), line.get()), (0, false));
    }
}

#[test]
fn a_clock_that_was_set_back_between_save_and_restore_goes_on_at_once() {
    let state = RtcState { ris: false, ..busy() };
    for clock in [Clock::Wall, Clock::Frozen] {
        let mut rtc = restored(&state, NoInterrupt, Instant::EPOCH, clock);
        assert_eq!(rtc.read(RTCDR, Instant::EPOCH), state.counter);
        assert_eq!(rtc.read(RTCDR, Instant::from_nanos(1)), state.counter + 1);
    }
}

#[test]
fn unix_time_comes_with_its_fraction_and_wraps_in_2106() {
    let state = RtcState::at_unix_time(Duration::new(1_767_323_046, 999_999_999), Instant::from_nanos(40));
    let mut rtc = restored(&state, NoInterrupt, Instant::from_nanos(40), Clock::Wall);
    assert_eq!(
        (
            rtc.read(RTCCR, Instant::from_nanos(40)),
            rtc.read(RTCLR, Instant::from_nanos(40))
        ),
        (1, 1_767_323_046)
    );
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(41)), 1_767_323_047);
    assert_eq!(
        RtcState::at_unix_time(Duration::from_secs(1 << 32 | 7), Instant::EPOCH).counter,
        7
    );
    assert_eq!(RtcState::at_unix_time(Duration::MAX, Instant::MAX).validate(), Ok(()));
}

/// An emulated clock in place of a real one.
struct Hardware(Rtc<NoInterrupt>);

impl RegisterIo<u32> for Hardware {
    fn read(&mut self, offset: u16) -> u32 {
        self.0.read(offset, Instant::EPOCH)
    }
    fn write(&mut self, offset: u16, value: u32) {
        self.0.write(offset, value, Instant::EPOCH);
    }
}

fn any_state() -> impl Strategy<Value = RtcState> {
    let values = (any::<u32>(), 0..1_000_000_000u32, any::<u32>(), 0..3u32);
    (values, any::<[bool; 3]>(), any::<u64>()).prop_map(
        |((counter, sub_second_ns, lr, distance), [enabled, imsc, ris], saved_at)| RtcState {
            counter,
            sub_second_ns,
            lr,
            mr: counter.wrapping_add(distance),
            enabled,
            imsc,
            ris,
            saved_at: Instant::from_nanos(saved_at),
        },
    )
}

proptest! {
    /// Nothing but what the documentation names is lost on the way into other hardware, whatever that was doing.
    #[test]
    fn hardware_takes_a_state_and_gives_it_back(state in any_state(), was in any_state()) {
        let mut hardware = Hardware(restored(&was, NoInterrupt, Instant::EPOCH, Clock::Frozen));
        prop_assert_eq!(state.apply(&mut hardware), Ok(Unapplied::NONE));
        let expected = RtcState {
            sub_second_ns: 0,
            lr: state.counter,
            enabled: state.enabled || was.enabled,
            saved_at: Instant::from_nanos(9),
            ..state
        };
        prop_assert_eq!(RtcState::capture(&mut hardware, Instant::from_nanos(9)), expected);
    }

    /// Any state that is accepted can be driven anywhere in time without a panic, and never by a loop.
    #[test]
    fn accepted_states_survive_an_access(state in any_state(), now: u64, later: u64, offset in 0..0x20u16, value: u32) {
        for clock in [Clock::Wall, Clock::Frozen] {
            let mut rtc = restored(&state, NoInterrupt, Instant::from_nanos(now), clock);
            rtc.write(offset, value, Instant::from_nanos(later));
            rtc.read(offset, Instant::from_nanos(now));
            prop_assert_eq!(rtc.state(Instant::from_nanos(later)).validate(), Ok(()));
            let _ = rtc.next_deadline();
            rtc.soft_reset(Instant::MAX);
            prop_assert_eq!(rtc.state(Instant::EPOCH).validate(), Ok(()));
        }
    }
}

/// A second is over before this access, and none of them takes any time.
struct Ticking(Hardware, u32);

impl Ticking {
    fn count(&mut self) {
        if self.1 == 0 {
            let state = self.0.0.state(Instant::EPOCH);
            self.0 = Hardware(restored(&state, NoInterrupt, Instant::from_nanos(SECOND), Clock::Wall));
            let state = RtcState {
                saved_at: Instant::EPOCH,
                ..self.0.0.state(Instant::from_nanos(SECOND))
            };
            self.0 = Hardware(restored(&state, NoInterrupt, Instant::EPOCH, Clock::Frozen));
        }
        self.1 = self.1.wrapping_sub(1);
    }
}

impl RegisterIo<u32> for Ticking {
    fn read(&mut self, offset: u16) -> u32 {
        self.count();
        self.0.read(offset)
    }
    fn write(&mut self, offset: u16, value: u32) {
        self.count();
        self.0.write(offset, value);
    }
}

#[test]
fn a_tick_in_the_middle_of_a_capture_does_not_tear_it() {
    for accesses_before in 0..20 {
        let before = RtcState {
            counter: 8,
            sub_second_ns: 0,
            mr: 9,
            enabled: true,
            ris: false,
            imsc: true,
            ..RtcState::RESET
        };
        let hardware = Hardware(restored(&before, NoInterrupt, Instant::EPOCH, Clock::Frozen));
        let mut ticking = Ticking(hardware, accesses_before);
        let captured = RtcState::capture(&mut ticking, Instant::EPOCH);
        let after = RtcState {
            counter: 9,
            ris: true,
            ..before
        };
        let expected = if ticking.1 > 20 { after } else { before };
        assert_eq!(captured, expected, "a tick before access {accesses_before}");
    }
}

#[test]
fn a_clock_that_ticks_all_the_time_is_captured_all_the_same() {
    struct Racing(u32);
    impl RegisterIo<u32> for Racing {
        fn read(&mut self, _offset: u16) -> u32 {
            self.0 += 1;
            self.0
        }
        fn write(&mut self, _offset: u16, _value: u32) {}
    }
    assert_eq!(RtcState::capture(&mut Racing(0), Instant::EPOCH).validate(), Ok(()));
}

/// Hardware that compares only at its next tick, as section 2.2.4 allows.
struct SlowToCompare(Hardware);

impl RegisterIo<u32> for SlowToCompare {
    fn read(&mut self, offset: u16) -> u32 {
        if offset == RTCRIS { 0 } else { self.0.read(offset) }
    }
    fn write(&mut self, offset: u16, value: u32) {
        self.0.write(offset, value);
    }
}

#[test]
fn apply_reports_a_pending_alarm_that_does_not_show() {
    let mut hardware = SlowToCompare(Hardware(Rtc::new(NoInterrupt)));
    assert_eq!(busy().apply(&mut hardware), Ok(Unapplied::NONE.with("ris", 1)));
    let quiet = RtcState { ris: false, ..busy() };
    assert_eq!(quiet.apply(&mut hardware), Ok(Unapplied::NONE));
}

#[test]
fn apply_raises_no_interrupt_on_the_way() {
    struct Watch<'a>(Rtc<&'a Cell<bool>>, &'a Cell<bool>);
    impl RegisterIo<u32> for Watch<'_> {
        fn read(&mut self, offset: u16) -> u32 {
            self.0.read(offset, Instant::EPOCH)
        }
        fn write(&mut self, offset: u16, value: u32) {
            self.0.write(offset, value, Instant::EPOCH);
            assert!(!self.1.get(), "after {value:#x} to {offset:#x}");
        }
    }
    let line = Cell::new(false);
    let old = RtcState {
        ris: false,
        mr: 5,
        ..busy()
    };
    let mut hardware = Watch(restored(&old, &line, Instant::EPOCH, Clock::Frozen), &line);
    let served = RtcState {
        mr: 5,
        counter: 5,
        ris: false,
        ..busy()
    };
    assert_eq!(served.apply(&mut hardware), Ok(Unapplied::NONE));
    assert_eq!(
        (hardware.read(RTCIMSC), hardware.read(RTCMR), hardware.read(RTCLR)),
        (1, 5, 5)
    );
}
