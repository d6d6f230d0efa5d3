//! The alarm: on the crossing, exactly once, over wraps, jumps, masks, saves and clocks that step back.

use core::cell::Cell;
use devstate_core::{Clock, Instant, InterruptLine, NoInterrupt};
use devstate_rtc_pl031::spec::{INTERRUPT, RTCCR, RTCDR, RTCICR, RTCIMSC, RTCLR, RTCMIS, RTCMR, RTCRIS};
use devstate_rtc_pl031::{NoEvents, Rtc, RtcEvents, RtcState};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

/// A running clock at 0 whose alarm is set for `seconds`, unmasked.
fn armed<I: InterruptLine>(interrupt: I, seconds: u32) -> Rtc<I> {
    let mut rtc = Rtc::new(interrupt);
    for (offset, value) in [(RTCCR, 1), (RTCMR, seconds), (RTCIMSC, INTERRUPT)] {
        rtc.write(offset, value, Instant::EPOCH);
    }
    rtc
}

#[test]
fn the_alarm_goes_off_at_the_tick_that_makes_the_values_equal() {
    let line = Cell::new(false);
    let mut rtc = Rtc::new(&line);
    rtc.write(RTCCR, 1, Instant::EPOCH);
    rtc.write(RTCIMSC, INTERRUPT, Instant::EPOCH);
    // Half a second after a tick: the match lies on a tick, not whole seconds from now.
    rtc.write(RTCMR, 3, Instant::from_nanos(SECOND / 2));
    assert_eq!(rtc.next_deadline(), Some(Instant::from_nanos(3 * SECOND)));
    rtc.advance(Instant::from_nanos(3 * SECOND - 1));
    assert_eq!(
        (rtc.read(RTCDR, Instant::from_nanos(3 * SECOND - 1)), line.get()),
        (2, false)
    );
    rtc.advance(Instant::from_nanos(3 * SECOND));
    assert_eq!(
        (rtc.read(RTCDR, Instant::from_nanos(3 * SECOND)), line.get()),
        (3, true)
    );
}

#[test]
fn an_acknowledged_alarm_stays_quiet_until_the_clock_comes_round() {
    let line = Cell::new(false);
    let mut rtc = armed(&line, 3);
    rtc.advance(Instant::from_nanos(3 * SECOND));
    rtc.write(RTCICR, 1, Instant::from_nanos(3 * SECOND + 1));
    assert!(!line.get());
    let round = (1 << 32) * SECOND;
    assert_eq!(rtc.next_deadline(), Some(Instant::from_nanos(3 * SECOND + round)));
    rtc.advance(Instant::from_nanos(3 * SECOND + round - 1));
    assert!(!line.get());
    rtc.advance(Instant::from_nanos(3 * SECOND + round));
    assert!(line.get());
}

#[test]
fn an_alarm_behind_the_clock_waits_for_the_wrap() {
    let mut rtc = Rtc::new(NoInterrupt);
    rtc.write(RTCCR, 1, Instant::EPOCH);
    rtc.write(RTCLR, u32::MAX - 1, Instant::EPOCH);
    rtc.write(RTCMR, 1, Instant::EPOCH);
    rtc.advance(Instant::from_nanos(3 * SECOND - 1));
    assert_eq!(
        (
            rtc.read(RTCDR, Instant::from_nanos(3 * SECOND - 1)),
            rtc.read(RTCRIS, Instant::from_nanos(3 * SECOND - 1))
        ),
        (0, 0)
    );
    assert_eq!(
        (
            rtc.read(RTCDR, Instant::from_nanos(3 * SECOND)),
            rtc.read(RTCRIS, Instant::from_nanos(3 * SECOND))
        ),
        (1, 1)
    );
}

#[test]
fn a_jump_over_the_match_sets_it_off() {
    for jump in [4 * SECOND, 400 * SECOND, (5 << 32) * (SECOND / 2), u64::MAX] {
        let line = Cell::new(false);
        let mut rtc = armed(&line, 3);
        rtc.advance(Instant::from_nanos(jump));
        assert!(line.get(), "{jump}");
    }
}

#[test]
fn a_masked_alarm_goes_off_and_waits() {
    let line = Cell::new(false);
    let mut rtc = armed(&line, 3);
    rtc.write(RTCIMSC, 0, Instant::EPOCH);
    assert_eq!(rtc.next_deadline(), Some(Instant::from_nanos(3 * SECOND)));
    assert_eq!(
        (
            rtc.read(RTCRIS, Instant::from_nanos(4 * SECOND)),
            rtc.read(RTCMIS, Instant::from_nanos(4 * SECOND)),
            line.get()
        ),
        (1, 0, false)
    );
    rtc.write(RTCIMSC, INTERRUPT, Instant::from_nanos(5 * SECOND));
    assert!(line.get());
}

#[test]
fn writing_match_or_load_so_that_they_are_equal_sets_it_off() {
    for (offset, value) in [(RTCMR, 2), (RTCLR, 3)] {
        let line = Cell::new(false);
        let mut rtc = armed(&line, 3);
        rtc.write(offset, value, Instant::from_nanos(2 * SECOND));
        assert!(line.get(), "register {offset:#x}");
    }
}

#[test]
fn moving_match_or_load_away_does_not_clear_it() {
    for offset in [RTCMR, RTCLR] {
        let line = Cell::new(false);
        let mut rtc = armed(&line, 3);
        rtc.write(offset, 1000, Instant::from_nanos(3 * SECOND));
        assert!(line.get(), "register {offset:#x}");
    }
}

#[test]
fn starting_a_clock_that_stands_on_its_match_does_not_set_it_off() {
    let mut rtc = Rtc::new(NoInterrupt);
    rtc.write(RTCCR, 1, Instant::EPOCH);
    assert_eq!(rtc.read(RTCRIS, Instant::EPOCH), 0);
}

#[test]
fn a_stopped_clock_has_no_deadline_and_no_alarm() {
    let mut rtc = Rtc::new(NoInterrupt);
    rtc.write(RTCMR, 3, Instant::EPOCH);
    assert_eq!(rtc.next_deadline(), None);
    assert_eq!(rtc.read(RTCRIS, Instant::from_nanos(100 * SECOND)), 0);
}

#[test]
fn a_deadline_is_there_until_the_alarm_is_pending_and_never_beyond_time() {
    let mut rtc = armed(NoInterrupt, 3);
    rtc.advance(Instant::from_nanos(3 * SECOND));
    assert_eq!(rtc.next_deadline(), None);
    rtc.write(RTCICR, 1, Instant::from_nanos(u64::MAX - 1));
    assert_eq!(rtc.next_deadline(), None, "no u64 holds that moment");
}

#[test]
fn a_clock_that_steps_back_counts_as_no_time() {
    let line = Cell::new(false);
    let mut rtc = armed(&line, 3);
    rtc.advance(Instant::from_nanos(2 * SECOND));
    rtc.advance(Instant::EPOCH);
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(SECOND)), 2);
    assert_eq!(rtc.state(Instant::EPOCH), rtc.state(Instant::from_nanos(2 * SECOND)));
    assert_eq!(
        rtc.read(RTCDR, Instant::from_nanos(3 * SECOND - 1)),
        2,
        "the way back was not counted twice"
    );
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(3 * SECOND)), 3);
    assert!(line.get());
}

/// What a guest, a host and a clock may do.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    GoBack(u64),
    MatchIn(i32),
    Match(u32),
    Load(u32),
    Acknowledge,
    Mask(bool),
    Start,
    /// The device was not told of the time that went by before the save.
    SaveAndRestore {
        unnoticed: u64,
        pause: u64,
        clock: Clock,
    },
    MoveEpoch(u64, Clock),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let passing = prop_oneof![0..3 * SECOND, Just(SECOND), 0..100 * SECOND, 0..(3 << 32) * SECOND / 2];
    let maybe = prop_oneof![3 => Just(0), 1 => passing.clone()];
    let clock = || prop_oneof![Just(Clock::Wall), Just(Clock::Frozen)];
    let step = prop_oneof![
        6 => passing.clone().prop_map(Step::Pass),
        1 => (0..10 * SECOND).prop_map(Step::GoBack),
        4 => (-2..5i32).prop_map(Step::MatchIn),
        1 => any::<u32>().prop_map(Step::Match),
        1 => prop_oneof![any::<u32>(), u32::MAX - 3..=u32::MAX].prop_map(Step::Load),
        3 => Just(Step::Acknowledge),
        1 => any::<bool>().prop_map(Step::Mask),
        1 => Just(Step::Start),
        6 => (maybe, prop_oneof![Just(0), passing], clock()).prop_map(|(unnoticed, pause, clock)| {
            Step::SaveAndRestore { unnoticed, pause, clock }
        }),
        1 => (any::<u32>(), clock()).prop_map(|(epoch, clock)| Step::MoveEpoch(u64::from(epoch) * SECOND, clock)),
    ];
    prop::collection::vec(step, 1..60)
}

/// The same clock on whole numbers that never wrap: ticks and nanoseconds since it was started.
#[derive(Default)]
struct Model {
    running: bool,
    /// Nanoseconds that it ran.
    ran: i128,
    /// The value at `ran` = 0, so that the value at any time is `start + ran / SECOND`, modulo 2³².
    start: i128,
    mr: i128,
    mask: bool,
    pending: bool,
    alarms: u32,
}

impl Model {
    fn value(&self) -> i128 {
        self.start + self.ran.div_euclid(i128::from(SECOND))
    }

    /// How often a clock that never wraps has met the match, counted from minus infinity.
    fn rounds(&self) -> i128 {
        (self.value() - self.mr).div_euclid(1 << 32)
    }

    fn pass(&mut self, ns: u64) {
        if self.running {
            let before = self.rounds();
            self.ran += i128::from(ns);
            self.ring(self.rounds() != before);
        }
    }

    fn load(&mut self, value: u32) {
        self.start += i128::from(value) - self.value();
    }

    fn ring(&mut self, rings: bool) {
        if rings && !self.pending {
            self.alarms += 1;
            self.pending = true;
        }
    }

    fn ring_if_equal(&mut self) {
        self.ring((self.value() - self.mr).rem_euclid(1 << 32) == 0);
    }
}

struct Alarms<'a>(&'a Cell<u32>);

impl RtcEvents for Alarms<'_> {
    fn alarm(&self) {
        self.0.set(self.0.get() + 1);
    }
}

/// A line that takes offence at being driven to the level it has.
struct Line {
    level: Option<bool>,
}

impl InterruptLine for Line {
    fn set_level(&mut self, asserted: bool) {
        assert_ne!(self.level, Some(asserted), "driven without a change");
        self.level = Some(asserted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever happens, the alarm goes off exactly as often as a clock without wraps, saves and masks meets its match.
    #[test]
    fn the_alarm_goes_off_exactly_once(steps in steps()) {
        let alarms = Cell::new(0);
        let mut rtc = Rtc::with_events(Line { level: Some(false) }, Alarms(&alarms));
        let mut model = Model::default();
        let mut now = 0u64;
        for step in steps {
            match step {
                Step::Pass(ns) => {
                    let expected = rtc.next_deadline();
                    let before = model.alarms;
                    let passed = ns.min(u64::MAX - now);
                    model.pass(passed);
                    now += passed;
                    rtc.advance(Instant::from_nanos(now));
                    prop_assert_eq!(expected.is_some_and(|deadline| deadline <= Instant::from_nanos(now)), model.alarms != before);
                }
                Step::GoBack(ns) => {
                    rtc.read(RTCDR, Instant::from_nanos(now.saturating_sub(ns)));
                    prop_assert_eq!(rtc.state(Instant::from_nanos(now.saturating_sub(ns))), rtc.state(Instant::from_nanos(now)));
                }
                Step::MatchIn(seconds) => {
                    let mr = rtc.read(RTCDR, Instant::from_nanos(now)).wrapping_add_signed(seconds);
                    rtc.write(RTCMR, mr, Instant::from_nanos(now));
                    model.mr = i128::from(mr);
                    model.ring_if_equal();
                }
                Step::Match(mr) => {
                    rtc.write(RTCMR, mr, Instant::from_nanos(now));
                    model.mr = i128::from(mr);
                    model.ring_if_equal();
                }
                Step::Load(value) => {
                    rtc.write(RTCLR, value, Instant::from_nanos(now));
                    model.load(value);
                    model.ring_if_equal();
                }
                Step::Acknowledge => {
                    rtc.write(RTCICR, 1, Instant::from_nanos(now));
                    model.pending = false;
                }
                Step::Mask(mask) => {
                    rtc.write(RTCIMSC, mask.into(), Instant::from_nanos(now));
                    model.mask = mask;
                }
                Step::Start => {
                    rtc.write(RTCCR, 1, Instant::from_nanos(now));
                    model.running = true;
                }
                Step::SaveAndRestore { unnoticed, pause, clock } => {
                    let unnoticed = unnoticed.min(u64::MAX - now);
                    now += unnoticed;
                    let before = model.alarms;
                    model.pass(unnoticed);
                    // Nobody told the old device, and to the new one it is no news: it only drives its line.
                    model.alarms = before;
                    let state = rtc.state(Instant::from_nanos(now));
                    let pause = pause.min(u64::MAX - now);
                    now += pause;
                    if clock == Clock::Wall {
                        model.pass(pause);
                    }
                    rtc = Rtc::from_state(&state, Line { level: None }, Alarms(&alarms), Instant::from_nanos(now), clock).unwrap();
                    prop_assert_eq!(rtc.state(Instant::from_nanos(now)).saved_at, Instant::from_nanos(now));
                }
                Step::MoveEpoch(epoch, clock) => {
                    let state = rtc.state(Instant::from_nanos(now));
                    if clock == Clock::Wall {
                        model.pass(epoch.saturating_sub(now));
                    }
                    now = epoch;
                    rtc = Rtc::from_state(&state, Line { level: None }, Alarms(&alarms), Instant::from_nanos(now), clock).unwrap();
                }
            }
            prop_assert_eq!(i128::from(rtc.read(RTCDR, Instant::from_nanos(now))), model.value().rem_euclid(1 << 32));
            prop_assert_eq!(rtc.read(RTCRIS, Instant::from_nanos(now)) == 1, model.pending);
            prop_assert_eq!(rtc.read(RTCMIS, Instant::from_nanos(now)) == 1, model.pending && model.mask);
            prop_assert_eq!(rtc.interrupt_mut().level, Some(model.pending && model.mask));
            prop_assert_eq!(alarms.get(), model.alarms);
        }
    }

    /// However time is cut into pieces, it comes to the same.
    #[test]
    fn time_is_one_piece(
        counter: u32,
        distance in 0..6u32,
        sub_second_ns in 0..SECOND as u32,
        first in 0..4 * SECOND,
        second in 0..4 * SECOND,
    ) {
        let state = RtcState {
            counter,
            sub_second_ns,
            mr: counter.wrapping_add(distance),
            enabled: true,
            ..RtcState::RESET
        };
        prop_assert_eq!(state.advanced(Instant::from_nanos(first)).advanced(Instant::from_nanos(first + second)), state.advanced(Instant::from_nanos(first + second)));
    }
}

#[test]
fn a_restored_alarm_is_reported_once() {
    let alarms = Cell::new(0);
    let state = armed(NoInterrupt, 3).state(Instant::EPOCH);
    let rtc = Rtc::from_state(
        &state,
        NoInterrupt,
        Alarms(&alarms),
        Instant::from_nanos(10 * SECOND),
        Clock::Wall,
    )
    .unwrap();
    assert_eq!(alarms.get(), 1);
    let state = rtc.state(Instant::from_nanos(11 * SECOND));
    Rtc::from_state(
        &state,
        NoInterrupt,
        Alarms(&alarms),
        Instant::from_nanos(12 * SECOND),
        Clock::Wall,
    )
    .unwrap();
    assert_eq!(alarms.get(), 1, "it was pending when it was saved");
    Rtc::from_state(
        &armed(NoInterrupt, 3).state(Instant::EPOCH),
        NoInterrupt,
        NoEvents,
        Instant::from_nanos(10 * SECOND),
        Clock::Frozen,
    )
    .map(|mut rtc| assert_eq!(rtc.read(RTCRIS, Instant::from_nanos(10 * SECOND)), 0))
    .unwrap();
}
