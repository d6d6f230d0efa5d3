//! The clock, beside one that counts nanoseconds in a circle.

use super::clock::Passing;
use super::hostile::Named;
use super::probe::{Count, Line};
use super::wire::{Hostile, through_bytes};
use arbitrary::{Arbitrary, Unstructured};
use devstate_core::{Clock, Instant};
use devstate_rtc_pl031::{Rtc, RtcEvents, RtcState};
use devstate_rtc_pl031_ser::RtcStateSer;
use std::time::Duration;

/// What guest, host or an attacker does.
#[derive(Arbitrary, Clone, Debug)]
pub enum Step {
    /// The guest reads a register.
    Read(#[arbitrary(with = offset)] u16),
    /// The guest writes a register.
    Write(#[arbitrary(with = offset)] u16, Value),
    /// The host's clock moves; the device is not told.
    Pass(Passing),
    /// The host tells the device what time it is.
    Advance,
    /// Power-on reset.
    Reset,
    /// The guest's reboot.
    SoftReset,
    /// Saved, and restored into a new device some time later, or into itself.
    Resume {
        /// The time between counts.
        wall: bool,
        /// Into itself.
        same: bool,
        /// The time between.
        pause: Passing,
    },
    /// Restored from the present state with one field changed.
    Poke(u8, u64),
    /// Restored from bytes.
    Wire(Hostile),
}

/// What is written.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Value {
    /// Anything.
    Any(u32),
    /// A small number: the bits of the one-bit registers.
    Small(u8),
    /// Near the clock's value.
    Near(i8),
}

/// Mostly registers, sometimes between them, sometimes beyond the block.
fn offset(bytes: &mut Unstructured<'_>) -> arbitrary::Result<u16> {
    Ok(match bytes.arbitrary::<u8>()? {
        choice @ 0..0xc0 => u16::from(choice % 9) * 4,
        choice @ 0xc0..0xe0 => 0xfd8 + u16::from(choice % 10) * 4,
        choice @ 0xe0..0xf0 => u16::from(choice),
        _ => bytes.arbitrary()?,
    })
}

/// How many fields [`poke`] knows.
pub const FIELDS: u8 = 8;

/// Runs a script.
pub fn run(steps: &[Step]) {
    let mut run = Run::new();
    for step in steps {
        run.step(step);
        run.check();
    }
}

struct Run {
    device: Rtc<Line, Events>,
    line: Line,
    events: Events,
    now: u64,
    model: Model,
}

#[derive(Clone, Default)]
struct Events {
    alarms: Count,
    invalid: Count,
}

impl RtcEvents for Events {
    fn alarm(&self) {
        self.alarms.one();
    }

    fn invalid_read(&self, _offset: u16) {
        self.invalid.one();
    }

    fn invalid_write(&self, _offset: u16, _value: u32) {
        self.invalid.one();
    }
}

impl Run {
    fn new() -> Self {
        let (line, events) = (Line::default(), Events::default());
        Self {
            device: Rtc::with_events(line.clone(), events.clone()),
            line,
            events,
            now: 0,
            model: Model::of(&RtcState::RESET, 0, Clock::Frozen),
        }
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        match step {
            Step::Read(offset) => {
                let value = self.device.read(*offset, Instant::from_nanos(now));
                self.model.pass(now);
                let expected = self.model.read(*offset);
                assert_eq!(value, expected.unwrap_or(0), "read of {offset:#x}");
                assert_eq!(self.events.invalid.take(), usize::from(expected.is_none()));
            }
            Step::Write(offset, value) => {
                self.model.pass(now);
                let value = match value {
                    Value::Any(value) => *value,
                    Value::Small(value) => (*value).into(),
                    Value::Near(distance) => self.model.seconds().wrapping_add_signed((*distance).into()),
                };
                self.device.write(*offset, value, Instant::from_nanos(now));
                let is_valid = self.model.write(*offset, value);
                assert_eq!(self.events.invalid.take(), usize::from(!is_valid));
            }
            Step::Pass(passing) => self.now = passing.from(now, self.device.next_deadline()),
            Step::Advance => {
                self.device.advance(Instant::from_nanos(now));
                self.model.pass(now);
            }
            Step::Reset => {
                self.device.reset(Instant::from_nanos(now));
                self.model.pass(now);
                self.model.power_on();
            }
            Step::SoftReset => {
                self.device.soft_reset(Instant::from_nanos(now));
                self.model.pass(now);
                self.model.soft_reset();
            }
            Step::Resume { wall, same, pause } => {
                let state = self.device.state(Instant::from_nanos(now));
                let clock = if *wall { Clock::Wall } else { Clock::Frozen };
                self.now = pause.from(now, self.device.next_deadline());
                self.settle();
                if *same {
                    self.device
                        .restore(&state, Instant::from_nanos(self.now), clock)
                        .unwrap();
                } else {
                    let (line, events) = (self.line.clone(), self.events.clone());
                    self.device = Rtc::from_state(&state, line, events, Instant::from_nanos(self.now), clock).unwrap();
                }
                self.restored(&state, clock);
            }
            Step::Poke(field, value) => {
                let mut state = self.device.state(Instant::from_nanos(now));
                poke(&mut state, *field, *value);
                self.restore_hostile(&state);
            }
            Step::Wire(hostile) => {
                let saved = RtcStateSer::new(&self.device.state(Instant::from_nanos(now)));
                if let Some(mut mirror) = hostile.decode(&saved) {
                    mirror.resolve(Duration::from_nanos(now), Instant::from_nanos(now));
                    if let Ok(state) = RtcState::try_from(&mirror) {
                        self.restore_hostile(&state);
                    }
                }
            }
        }
    }

    /// Any state is refused, and nothing happens, or the device goes on from it.
    fn restore_hostile(&mut self, state: &RtcState) {
        self.settle();
        let before = self.device.state(Instant::from_nanos(self.now));
        let restored = self.device.restore(state, Instant::from_nanos(self.now), Clock::Wall);
        assert_eq!(restored, state.validate());
        assert_eq!(restored.is_ok(), state.sub_second_ns < 1_000_000_000);
        if let Err(error) = restored {
            state.assert_named(&error);
            assert_eq!(
                self.device.state(Instant::from_nanos(self.now)),
                before,
                "touched by a refused state"
            );
            self.line.assert_not_driven();
        } else {
            self.restored(state, Clock::Wall);
        }
    }

    fn restored(&mut self, state: &RtcState, clock: Clock) {
        self.line.take_restored();
        self.model = Model::of(state, self.now, clock);
    }

    /// Nothing is left over from before.
    fn settle(&mut self) {
        self.line.take_changes(0);
        assert_eq!(self.events.alarms.take(), 0);
        self.model.alarms = 0;
    }

    fn check(&mut self) {
        // Down for what was written, up for what fell due before.
        self.line.take_changes(2);
        assert_eq!(
            self.events.alarms.take(),
            std::mem::take(&mut self.model.alarms),
            "alarms told"
        );
        assert_eq!(self.events.invalid.take(), 0);
        // What the device was told of: its line, and when it wants to be told again.
        assert_eq!(
            self.line.level(),
            self.model.pending && self.model.unmasked,
            "the line's level"
        );
        assert_eq!(self.device.interrupt_level(), self.line.level());
        assert_eq!(
            self.device.next_deadline(),
            self.model.next_alarm().map(Instant::from_nanos)
        );
        // What it says of a moment of which it has not been told.
        let mut later = self.model.clone();
        later.pass(self.now);
        let state = self.device.state(Instant::from_nanos(self.now));
        assert_eq!(state, later.state());
        assert_eq!(state.validate(), Ok(()));
        assert_eq!(RtcState::try_from(&through_bytes(&RtcStateSer::new(&state))), Ok(state));
        check_twin(&state);
    }
}

/// A device from the state is in that state, and its line where the state says.
fn check_twin(state: &RtcState) {
    for clock in [Clock::Wall, Clock::Frozen] {
        let line = Line::default();
        let twin = Rtc::from_state(state, line.clone(), Events::default(), state.saved_at, clock).unwrap();
        line.take_restored();
        assert_eq!(twin.state(state.saved_at), *state);
        assert_eq!(line.level(), state.ris && state.imsc);
    }
}

/// Sets one field to anything that its type can say.
pub fn poke(state: &mut RtcState, field: u8, value: u64) {
    match field % FIELDS {
        0 => state.counter = value as u32,
        1 => state.sub_second_ns = value as u32,
        2 => state.lr = value as u32,
        3 => state.mr = value as u32,
        4 => state.enabled = value & 1 != 0,
        5 => state.imsc = value & 1 != 0,
        6 => state.ris = value & 1 != 0,
        _ => state.saved_at = Instant::from_nanos(value),
    }
}

const SECOND: u64 = 1_000_000_000;

/// Nanoseconds until a 32-bit number of seconds comes round.
const CIRCLE: u64 = SECOND << 32;

/// The clock as a hand on a circle.
#[derive(Clone, Debug)]
struct Model {
    hand: u64,
    seen: u64,
    loaded: u32,
    match_value: u32,
    runs: bool,
    unmasked: bool,
    pending: bool,
    alarms: usize,
}

impl Model {
    fn of(state: &RtcState, now: u64, clock: Clock) -> Self {
        let mut model = Self {
            hand: u64::from(state.counter) * SECOND + u64::from(state.sub_second_ns),
            seen: state.saved_at.as_nanos(),
            loaded: state.lr,
            match_value: state.mr,
            runs: state.enabled,
            unmasked: state.imsc,
            pending: state.ris,
            alarms: 0,
        };
        if clock == Clock::Wall {
            model.pass(now);
        }
        model.seen = now;
        model
    }

    fn state(&self) -> RtcState {
        RtcState {
            counter: self.seconds(),
            sub_second_ns: (self.hand % SECOND) as u32,
            lr: self.loaded,
            mr: self.match_value,
            enabled: self.runs,
            imsc: self.unmasked,
            ris: self.pending,
            saved_at: Instant::from_nanos(self.seen),
        }
    }

    fn seconds(&self) -> u32 {
        (self.hand / SECOND) as u32
    }

    /// How far the hand has to go to the match: once around where it is there.
    fn ahead(&self) -> u64 {
        let place = u64::from(self.match_value) * SECOND;
        if place > self.hand {
            place - self.hand
        } else {
            CIRCLE - self.hand + place
        }
    }

    fn pass(&mut self, now: u64) {
        let Some(passed) = now.checked_sub(self.seen) else {
            return;
        };
        self.seen = now;
        if self.runs {
            if passed >= self.ahead() {
                self.raise();
            }
            self.hand = ((u128::from(self.hand) + u128::from(passed)) % u128::from(CIRCLE)) as u64;
        }
    }

    fn raise(&mut self) {
        self.alarms += usize::from(!self.pending);
        self.pending = true;
    }

    fn next_alarm(&self) -> Option<u64> {
        if self.runs && !self.pending {
            self.seen.checked_add(self.ahead())
        } else {
            None
        }
    }

    fn read(&self, offset: u16) -> Option<u32> {
        let identification = [0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1];
        Some(match offset {
            0x00 => self.seconds(),
            0x04 => self.match_value,
            0x08 => self.loaded,
            0x0c => self.runs.into(),
            0x10 => self.unmasked.into(),
            0x14 => self.pending.into(),
            0x18 => (self.pending && self.unmasked).into(),
            0xfe0..=0xffc if offset.is_multiple_of(4) => identification[usize::from(offset - 0xfe0) / 4],
            _ => return None,
        })
    }

    fn write(&mut self, offset: u16, value: u32) -> bool {
        match offset {
            0x04 => self.match_value = value,
            0x08 => {
                self.loaded = value;
                self.hand = u64::from(value) * SECOND + self.hand % SECOND;
            }
            0x0c => self.runs |= value & 1 == 1,
            0x10 => self.unmasked = value & 1 == 1,
            0x1c => self.pending &= value & 1 == 0,
            _ => return false,
        }
        if matches!(offset, 0x04 | 0x08) && self.seconds() == self.match_value {
            self.raise();
        }
        true
    }

    fn soft_reset(&mut self) {
        (self.unmasked, self.pending, self.loaded) = (false, false, 0);
    }

    fn power_on(&mut self) {
        self.soft_reset();
        (self.runs, self.hand, self.match_value) = (false, 0, 0);
    }
}
