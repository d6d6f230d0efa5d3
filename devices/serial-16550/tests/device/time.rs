//! Time over many saves: the time-out falls due exactly as often as it does beside a model that is never saved.

use devstate_core::{Clock, Instant};
use devstate_serial_16550::{Serial, spec};
use proptest::prelude::*;

use crate::support::{Bench, Counters, KEEPING, Line, Sink, TIMEOUT, fifo_bench};

/// What a guest, a host and its clock may do.
#[derive(Clone, Debug)]
enum Step {
    /// Advances the time of the device.
    Pass(u64),
    /// Passes an earlier time, as a late thread of the host does. It is never before the start of the time-out: that would
    /// be a clock that was set back.
    Late(u64),
    Receive(usize),
    Read,
    Clear,
    Mask(bool),
    Save {
        /// Time that has gone by before the save, of which the device was not told.
        unnoticed: u64,
        /// From the save to the restore.
        pause: u64,
        clock: Clock,
    },
    /// Restored by a host whose clock shows something else.
    MoveEpoch(u64, Clock),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let time = || {
        prop_oneof![
            Just(0),
            0..TIMEOUT / 3,
            TIMEOUT - 2..=TIMEOUT + 2,
            Just(TIMEOUT / 2),
            0..1_000 * TIMEOUT
        ]
    };
    let clock = || prop_oneof![Just(Clock::Wall), Just(Clock::Frozen)];
    let step = prop_oneof![
        6 => time().prop_map(Step::Pass),
        1 => (0..TIMEOUT).prop_map(Step::Late),
        4 => (1..4_usize).prop_map(Step::Receive),
        4 => Just(Step::Read),
        1 => Just(Step::Clear),
        1 => any::<bool>().prop_map(Step::Mask),
        6 => (time(), time(), clock()).prop_map(|(unnoticed, pause, clock)| Step::Save { unnoticed, pause, clock }),
        1 => (0..u64::MAX / 2, clock()).prop_map(|(epoch, clock)| Step::MoveEpoch(epoch, clock)),
    ];
    prop::collection::vec(step, 1..80)
}

/// A receiver with FIFO that has one clock, its own, which nothing sets and which runs while the guest does.
#[derive(Default)]
struct Model {
    characters: usize,
    /// Nanoseconds until the time-out.
    remaining: Option<u64>,
    due: bool,
    fell_due: usize,
}

impl Model {
    fn pass(&mut self, nanoseconds: u64) {
        self.remaining = self.remaining.and_then(|remaining| {
            let remaining = remaining.checked_sub(nanoseconds).filter(|remaining| *remaining != 0);
            if remaining.is_none() {
                self.due = true;
                self.fell_due += 1;
            }
            remaining
        });
    }

    fn receive(&mut self, count: usize) {
        let taken = count.min(spec::FIFO_LEN - self.characters);
        self.characters += taken;
        if taken != 0 && !self.due {
            self.remaining = Some(TIMEOUT);
        }
    }

    fn read(&mut self) {
        if self.characters != 0 {
            self.characters -= 1;
            self.due = false;
            self.remaining = (self.characters != 0).then_some(TIMEOUT);
        }
    }

    fn clear(&mut self) {
        (self.characters, self.due, self.remaining) = (0, false, None);
    }

    /// At trigger level 8.
    fn interrupt(&self, masked: bool) -> u8 {
        match self.due {
            _ if masked => 0xc1,
            true => 0xcc,
            false if self.characters >= 8 => 0xc4,
            false => 0xc1,
        }
    }
}

fn restored(device: &Bench, saved_at: Instant, now: Instant, clock: Clock) -> Bench {
    let line = Line::default();
    let (sink, events) = (Sink::default(), Counters::default());
    let state = device.state(saved_at);
    let device = Serial::from_state(&state, line.clone(), sink, events, KEEPING, now, clock).unwrap();
    assert_eq!(line.take(), [device.interrupt_level()], "driven once");
    device
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_time_out_falls_due_exactly_once(steps in steps()) {
        let (mut device, _) = fifo_bench();
        let mut model = Model::default();
        let mut now = 0_u64;
        let mut began = 0;
        let mut masked = false;
        let mut told = 0;
        for step in steps {
            match step {
                Step::Pass(nanoseconds) => {
                    now += nanoseconds;
                    model.pass(nanoseconds);
                    device.advance(Instant::from_nanos(now));
                }
                Step::Late(nanoseconds) => device.advance(Instant::from_nanos(now.saturating_sub(nanoseconds).max(began))),
                Step::Receive(count) => {
                    prop_assert_eq!(device.receive(&[0x55; 3][..count], Instant::from_nanos(now)), count.min(spec::FIFO_LEN - model.characters));
                    model.receive(count);
                    began = now;
                }
                Step::Read => {
                    device.read(spec::RBR, Instant::from_nanos(now));
                    model.read();
                    began = now;
                }
                Step::Clear => {
                    device.write(spec::FCR, 0x83, Instant::from_nanos(now));
                    model.clear();
                }
                Step::Mask(mask) => {
                    masked = mask;
                    device.write(spec::IER, if mask { 0x0c } else { 0x0d }, Instant::from_nanos(now));
                }
                Step::Save { unnoticed, pause, clock } => {
                    let counted = device.events().count("timed_out");
                    let before = model.fell_due;
                    model.pass(unnoticed);
                    // Nobody told the old device, and to the new one it is no news.
                    told += counted + (model.fell_due - before);
                    now += unnoticed + pause;
                    if clock == Clock::Wall {
                        model.pass(pause);
                    }
                    device = restored(&device, Instant::from_nanos(now - pause), Instant::from_nanos(now), clock);
                    began = now;
                }
                Step::MoveEpoch(epoch, clock) => {
                    told += device.events().count("timed_out");
                    let elapsed = if clock == Clock::Wall { epoch.saturating_sub(now) } else { 0 };
                    model.pass(elapsed);
                    device = restored(&device, Instant::from_nanos(now), Instant::from_nanos(epoch), clock);
                    (now, began) = (epoch, epoch);
                }
            }
            prop_assert_eq!(told + device.events().count("timed_out"), model.fell_due);
            prop_assert_eq!(device.next_deadline(), model.remaining.map(|remaining| Instant::from_nanos(now + remaining)));
            prop_assert_eq!(device.interrupt_level(), model.interrupt(masked) & 1 == 0);
            prop_assert_eq!(device.read(spec::IIR, Instant::from_nanos(now)), model.interrupt(masked));
        }
    }

    /// Wherever its clock is set, a host that waits for the deadlines gets the time-out, once, and never waits for longer
    /// than it lasts.
    #[test]
    fn a_clock_that_is_set_neither_loses_nor_repeats_it(
        start in 0..u64::MAX / 2,
        moments in prop::collection::vec(prop_oneof![any::<u64>(), 0..4 * TIMEOUT], 0..8),
    ) {
        let (mut device, line) = fifo_bench();
        prop_assert_eq!(device.receive(b"x", Instant::from_nanos(start)), 1);
        let mut fell_due = 0;
        let the_end = [u64::MAX - TIMEOUT, u64::MAX];
        for moment in moments.into_iter().chain(the_end) {
            let deadline = device.next_deadline();
            device.advance(Instant::from_nanos(moment));
            fell_due += usize::from(deadline.is_some_and(|deadline| deadline <= Instant::from_nanos(moment)));
            prop_assert_eq!(device.events().count("timed_out"), fell_due);
            prop_assert_eq!(line.level(), fell_due == 1);
            if let Some(deadline) = device.next_deadline() {
                prop_assert!(deadline > Instant::from_nanos(moment) && deadline.as_nanos() - moment <= TIMEOUT);
            }
        }
        prop_assert_eq!(fell_due, 1);
    }
}
