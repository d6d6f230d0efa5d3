//! The UART, beside a model that keeps its characters in queues and asks every interrupt source in turn.

mod model;
mod outside;

use super::clock::Passing;
use super::hostile::Named;
use super::probe::Line;
use super::wire::{Hostile, through_bytes};
use arbitrary::{Arbitrary, Unstructured};
use devstate_core::{Clock, Instant};
use devstate_serial_16550::{CharacterErrors, Config, ModemLines, OutputPolicy, Serial, SerialState};
use devstate_serial_16550_ser::SerialStateSer;
use model::Model;
pub use outside::Mode;
use outside::{Ear, Output, Told};

/// What guest, host or an attacker does.
#[derive(Arbitrary, Clone, Debug)]
pub enum Step {
    /// The guest reads a register.
    Read(#[arbitrary(with = offset)] u16),
    /// The guest writes a register.
    Write(#[arbitrary(with = offset)] u16, u8),
    /// Characters from outside, for which there is room or not.
    Receive(Vec<u8>),
    /// A character on the wire with its errors: parity, framing, break from bit 2.
    Character(u8, u8),
    /// The modem's inputs, at their places in MSR.
    Lines(u8),
    /// How the output behaves from now on.
    Output(Mode),
    /// The host offers the output what waits.
    Drain,
    /// The host's clock moves; the device is not told.
    Pass(Passing),
    /// The host tells the device what time it is.
    Advance,
    /// A master reset.
    Reset,
    /// Saved, and restored into a new device some time later, or into itself.
    Resume {
        /// The time between counts.
        wall: bool,
        /// Into itself.
        same: bool,
        /// The time between.
        pause: Passing,
    },
    /// Restored from the present state with one field changed: which, where in it, to what.
    Poke(u8, u8, u64),
    /// Restored from bytes.
    Wire(Hostile),
}

/// Mostly registers, sometimes beyond the block.
fn offset(bytes: &mut Unstructured<'_>) -> arbitrary::Result<u16> {
    Ok(match bytes.arbitrary::<u8>()? {
        choice @ 0..0xf0 => u16::from(choice % 8),
        choice @ 0xf0..0xf8 => u16::from(choice) - 0xe8,
        _ => bytes.arbitrary()?,
    })
}

/// How many fields [`poke`] knows.
pub const FIELDS: u8 = 20;

/// Runs a script.
pub fn run(steps: &[Step]) {
    let mut run = Run::new();
    for step in steps {
        run.step(step);
        run.check();
    }
}

struct Run {
    device: Serial<Line, Output, Ear>,
    line: Line,
    output: Output,
    ear: Ear,
    now: u64,
    /// The device was told of `now`.
    told: bool,
    model: Model,
    /// The line goes down in this access.
    falls: bool,
}

impl Run {
    fn new() -> Self {
        let (line, output, ear) = (Line::default(), Output::default(), Ear::default());
        let mut model = Model::of(&SerialState::RESET, 0, Clock::Frozen);
        model.told = Told::default();
        Self {
            device: Serial::with_config(line.clone(), output.clone(), ear.clone(), CONFIG),
            line,
            output,
            ear,
            now: 0,
            told: true,
            model,
            falls: false,
        }
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        self.told = !matches!(step, Step::Pass(_) | Step::Output(_));
        if self.told {
            self.model.catch_up(now);
        }
        match step {
            Step::Read(offset) => {
                let value = self.device.read(*offset, Instant::from_nanos(now));
                assert_eq!(value, self.model.read(*offset, now), "read of {offset:#x}");
            }
            Step::Write(offset, value) => {
                self.falls = *offset == 0 && self.model.only_wants_a_character();
                self.device.write(*offset, *value, Instant::from_nanos(now));
                self.model.write(*offset, *value, now);
            }
            Step::Receive(characters) => {
                let room = self.device.receive_capacity();
                let taken = self.device.receive(characters, Instant::from_nanos(now));
                assert_eq!(taken, characters.len().min(room));
                assert_eq!(taken, self.model.receive(characters, now));
            }
            Step::Character(character, errors) => {
                self.device
                    .receive_character(*character, errors_of(*errors), Instant::from_nanos(now));
                self.model.receive_character(*character, errors & 0x1c, now);
            }
            Step::Lines(lines) => {
                self.device
                    .set_modem_lines(ModemLines::from_msr(*lines), Instant::from_nanos(now));
                self.model.set_lines(*lines & 0xf0);
            }
            Step::Output(mode) => {
                self.output.set_mode(*mode);
                self.model.mode = *mode;
            }
            Step::Drain => assert_eq!(
                self.device.drain_output(Instant::from_nanos(now)),
                self.model.drain_output(now)
            ),
            Step::Pass(passing) => self.now = passing.from(now, self.device.next_deadline()),
            Step::Advance => self.device.advance(Instant::from_nanos(now)),
            Step::Reset => {
                self.device.reset(Instant::from_nanos(now));
                self.model.reset();
            }
            Step::Resume { wall, same, pause } => self.resume(*wall, *same, *pause),
            Step::Poke(field, index, value) => {
                self.settle();
                let mut state = self.device.state(Instant::from_nanos(now));
                poke(&mut state, *field, (*index).into(), *value);
                self.restore_hostile(&state);
            }
            Step::Wire(hostile) => {
                self.settle();
                let saved = SerialStateSer::new(&self.device.state(Instant::from_nanos(now)));
                if let Some(mut mirror) = hostile.decode(&saved) {
                    let _ = mirror.take_backlog();
                    if let Ok(state) = SerialState::try_from(&mirror) {
                        self.restore_hostile(&state);
                    }
                }
            }
        }
    }

    fn resume(&mut self, wall: bool, same: bool, pause: Passing) {
        self.settle();
        let state = self.device.state(Instant::from_nanos(self.now));
        let clock = if wall { Clock::Wall } else { Clock::Frozen };
        self.now = pause.from(self.now, self.device.next_deadline());
        if same {
            self.device
                .restore(&state, Instant::from_nanos(self.now), clock)
                .unwrap();
        } else {
            let (line, output, ear) = (self.line.clone(), self.output.clone(), self.ear.clone());
            self.device =
                Serial::from_state(&state, line, output, ear, CONFIG, Instant::from_nanos(self.now), clock).unwrap();
        }
        self.restored(&state, clock, same);
    }

    /// Any state is refused, and nothing happens, or the device goes on from it.
    fn restore_hostile(&mut self, state: &SerialState) {
        let (before, deadline) = (
            self.device.state(Instant::from_nanos(self.now)),
            self.device.next_deadline(),
        );
        let restored = self.device.restore(state, Instant::from_nanos(self.now), Clock::Wall);
        assert_eq!(restored, state.validate());
        if let Err(error) = restored {
            state.assert_named(&error);
            assert_eq!(
                self.device.state(Instant::from_nanos(self.now)),
                before,
                "touched by a refused state"
            );
            assert_eq!(self.device.next_deadline(), deadline);
            self.line.assert_not_driven();
        } else {
            let begun = SerialState {
                saved_at: Instant::EPOCH,
                ..*state
            };
            let model = Model::of(&begun, 0, Clock::Wall);
            assert_eq!(model.state(0), begun, "accepted, but a model cannot say it");
            self.restored(state, Clock::Wall, true);
        }
    }

    fn restored(&mut self, state: &SerialState, clock: Clock, same: bool) {
        self.line.take_restored();
        let mode = self.model.mode;
        let before = std::mem::replace(&mut self.model, Model::of(state, self.now, clock));
        if same {
            self.model.replaces(&before);
        }
        self.model.mode = mode;
    }

    /// Nothing is left over from before: the device has been told of the time.
    fn settle(&mut self) {
        self.device.advance(Instant::from_nanos(self.now));
        let pulse = 2 * usize::from(std::mem::take(&mut self.model.pulsed));
        let edges = self.line.take_changes(1 + pulse);
        assert!(edges >= pulse, "the rise is repeated");
        assert_eq!(self.ear.take(), std::mem::take(&mut self.model.told));
    }

    fn check(&mut self) {
        let pulse = 2 * usize::from(std::mem::take(&mut self.model.pulsed));
        let edges = self.line.take_changes(MOST_EDGES + pulse);
        assert!(edges >= pulse, "the rise is repeated");
        // A character that was asked for leaves the line up where another one is asked for.
        if std::mem::take(&mut self.falls) {
            assert_eq!(edges, pulse + usize::from(!self.model.level()), "edges for a character");
        }
        assert!(self.output.take_calls() <= MOST_CALLS);
        assert_eq!(self.output.take_characters(), std::mem::take(&mut self.model.sent));
        assert_eq!(self.ear.take(), std::mem::take(&mut self.model.told), "what was told");
        // What the device was told of: its line, and when it wants to be told again.
        assert_eq!(self.line.level(), self.model.level(), "the line's level");
        assert_eq!(self.device.interrupt_level(), self.line.level());
        let deadline = self.device.next_deadline();
        assert_eq!(deadline, self.model.deadline().map(Instant::from_nanos));
        if self.told && self.now < LAST_MOMENT {
            let now = Instant::from_nanos(self.now);
            let in_bounds = |at: Instant| at > now && at.saturating_nanos_since(now) <= SerialState::MAX_TIMEOUT_NANOS;
            assert!(deadline.is_none_or(in_bounds), "{deadline:?} at {}", self.now);
        }
        // What it says of a moment of which it may not have been told.
        let state = self.device.state(Instant::from_nanos(self.now));
        assert_eq!(state, self.model.state(self.now));
        assert_eq!(state.validate(), Ok(()));
        assert_eq!(
            SerialState::try_from(&through_bytes(&SerialStateSer::new(&state))),
            Ok(state)
        );
        if self.now < LAST_MOMENT {
            check_twin(&state, self.model.mode);
        }
    }
}

/// Nothing is lost but by the guest.
const CONFIG: Config = Config {
    failed_output: OutputPolicy::Keep,
    ..Config::WITH_TIMER
};

/// The end of time, 584 years after the epoch, cuts off what runs then.
const LAST_MOMENT: u64 = u64::MAX - SerialState::MAX_TIMEOUT_NANOS;

/// Down for what is served, up for what follows it.
const MOST_EDGES: usize = 2;

/// The shift register and a full FIFO, each asked and written.
const MOST_CALLS: usize = 2 * 17;

/// A device from the state is in that state, its line where the state says, and its status registers agree with it.
fn check_twin(state: &SerialState, mode: Mode) {
    for clock in [Clock::Wall, Clock::Frozen] {
        let (line, output) = (Line::default(), Output::default());
        output.set_mode(mode);
        let now = state.saved_at;
        let mut twin = Serial::from_state(state, line.clone(), output, Ear::default(), CONFIG, now, clock).unwrap();
        line.take_restored();
        assert_eq!(twin.state(now), *state);
        let model = Model::of(state, now.as_nanos(), clock);
        assert_eq!(line.level(), model.level());
        // What a guest asks for first.
        let [iir, lsr, msr] =
            [2, 5, 6].map(|offset| (twin.read(offset, now), model.clone().read(offset, now.as_nanos())));
        assert_eq!(iir.0, iir.1, "IIR");
        assert_eq!(lsr.0, lsr.1, "LSR");
        assert_eq!(msr.0, msr.1, "MSR");
    }
}

fn errors_of(bits: u8) -> CharacterErrors {
    [
        CharacterErrors::PARITY,
        CharacterErrors::FRAMING,
        CharacterErrors::BREAK,
    ]
    .into_iter()
    .filter(|error| error.lsr_bits() & bits != 0)
    .fold(CharacterErrors::NONE, |all, error| all | error)
}

/// Sets one field, or one place of it, to anything that its type can say.
pub fn poke(state: &mut SerialState, field: u8, index: usize, value: u64) {
    let byte = value as u8;
    let place = index % 16;
    match field % FIELDS {
        0 => state.divisor = value as u16,
        1 => state.ier = byte,
        2 => state.fcr = byte,
        3 => state.lcr = byte,
        4 => state.mcr = byte,
        5 => state.scr = byte,
        6 => state.rbr = byte,
        7 => state.rx.bytes[place] = byte,
        8 => state.rx.len = byte,
        9 => state.rx_errors[place] = byte,
        10 => state.lsr_errors = byte,
        11 => state.timeout_remaining = value,
        12 => state.tx.bytes[place] = byte,
        13 => state.tx.len = byte,
        14 => state.tsr = (index & 1 != 0).then_some(byte),
        15 => state.thre_pending = byte & 1 != 0,
        16 => state.msr_lines = byte,
        17 => state.msr_deltas = byte,
        18 => state.saved_at = Instant::from_nanos(value),
        _ => {
            // Two fields that belong together.
            state.tsr = Some(byte);
            state.tx.len = place as u8 + 1;
        }
    }
}
