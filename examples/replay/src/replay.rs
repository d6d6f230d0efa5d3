//! Replays a trace.

use std::fmt;
use std::time::Duration;

use devstate_core::Clock;
use devstate_i8042::{I8042State, Key, MouseArgument, MouseButtons, MouseInput, PendingCommand, ScanCodeSet};
use devstate_rtc_pl031::RtcState;

use crate::differences::Read;
use crate::facts::Facts;
use crate::machine::{Machine, Moment, Wires};
use crate::mirror::Release;
use crate::qemu::{from_qemu, machine_of};
use crate::report::{KeyStroke, Mismatch, Report};
use crate::snapshots::{SnapshotError, Snapshots, read_snapshot};
use crate::state::MachineState;
use crate::tally::{Place, Tally};
use crate::trace::{Event, I8042Event, Packet, Port, RtcEvent, SerialEvent, Step, Trace};

/// How to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Save and restore after every so many events; 0 for never.
    pub every: usize,
    /// The release to save at.
    pub release: Release,
    /// Go on from what an older release has kept, also where it has lost something. Otherwise a device that lost
    /// something goes on from a snapshot of the latest release.
    pub lossy: bool,
}

impl Default for Settings {
    /// After every event, at the latest release.
    fn default() -> Self {
        Self {
            every: 1,
            release: Release::LATEST,
            lossy: false,
        }
    }
}

/// Which of a trace's events to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<'a> {
    /// How many to skip, and the snapshot that was written after them.
    pub from: Option<(usize, &'a [u8])>,
    /// How many there are with the skipped ones; all, if none is said.
    pub until: Option<usize>,
}

impl Span<'_> {
    /// All of them.
    pub const WHOLE: Self = Self {
        from: None,
        until: None,
    };
}

/// A replay that could not be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// The snapshot to go on from cannot be used.
    Snapshot(SnapshotError),
    /// The snapshot was written elsewhere in the trace.
    Position {
        /// After so many events.
        found: u64,
        /// After so many it should have been.
        expected: usize,
    },
    /// The trace has fewer events.
    TooShort {
        /// So many.
        events: usize,
        /// So many were asked for.
        asked: usize,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(error) => error.fmt(f),
            Self::Position { found, expected } => {
                write!(
                    f,
                    "it was written after event {found} of its trace, not after event {expected}"
                )
            }
            Self::TooShort { events, asked } => write!(f, "there are {events} events, and no event {asked}"),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Replays a trace, or a part of it.
///
/// # Errors
///
/// [`ReplayError`] where the part does not exist or its snapshot cannot be used. What goes wrong later is a mismatch.
pub fn replay(trace: &Trace, settings: &Settings, span: Span<'_>) -> Result<Report, ReplayError> {
    let events = trace.steps.len();
    let start = span.from.map_or(0, |(skipped, _)| skipped);
    let end = span.until.unwrap_or(events);
    let (Some(skipped), Some(steps)) = (trace.steps.get(..start), trace.steps.get(start..end)) else {
        let asked = start.max(end);
        return Err(ReplayError::TooShort { events, asked });
    };
    let mut facts = Facts::default();
    let mut now = Moment::default();
    for step in skipped {
        facts.note(&step.event);
        if let Event::Rtc(RtcEvent::Elapse(seconds)) = step.event {
            now.rtc = now.rtc.saturating_add(Duration::from_secs(seconds.into()));
        }
    }
    let wires = Wires::default();
    let state = match span.from {
        None => MachineState::START,
        Some((expected, bytes)) => resume(bytes, now, expected, &facts)?,
    };
    let machine = Machine::from_state(&state, &wires).map_err(|error| ReplayError::Snapshot(error.into()))?;
    let run = Run {
        file: &trace.file,
        wires: &wires,
        now: Moment::of(&state),
        facts,
        tally: Tally::default(),
        reads: 0,
        mismatches: Vec::new(),
        keys: Vec::new(),
        packets: 0,
        packet_was_asked_for: false,
    };
    Ok(run.replay(trace, steps, start, machine, settings))
}

/// The state in a snapshot that was written after `expected` events: by this program, or by `devstate qemu import`.
fn resume(bytes: &[u8], now: Moment, expected: usize, facts: &Facts) -> Result<MachineState, ReplayError> {
    let (release, mut state) = match read_snapshot(bytes, now) {
        Ok(read) => read,
        Err(error) => {
            let devices = from_qemu(bytes).ok_or(ReplayError::Snapshot(error))?;
            let events = expected as u64;
            return machine_of(&devices, facts, events).map_err(|error| ReplayError::Snapshot(error.into()));
        }
    };
    if release == Release::V1 {
        state.events = expected as u64;
    }
    if state.events == expected as u64 {
        Ok(state)
    } else {
        Err(ReplayError::Position {
            found: state.events,
            expected,
        })
    }
}

/// A replay under way.
struct Run<'r> {
    file: &'r str,
    wires: &'r Wires,
    now: Moment,
    facts: Facts,
    tally: Tally,
    reads: usize,
    mismatches: Vec<Mismatch>,
    keys: Vec<KeyStroke>,
    packets: usize,
    packet_was_asked_for: bool,
}

impl<'r> Run<'r> {
    fn replay(
        mut self,
        trace: &Trace,
        steps: &[Step],
        start: usize,
        mut machine: Machine<'r>,
        settings: &Settings,
    ) -> Report {
        let mut snapshots = Snapshots::new(settings.release, settings.lossy);
        let mut rest = steps.iter().peekable();
        let mut done = start;
        while let Some(step) = rest.next() {
            let next = rest.peek().map(|step| &step.event);
            self.play(&mut machine, step, next);
            done += 1;
            if settings.every == 0 || !done.is_multiple_of(settings.every) {
                continue;
            }
            let state = machine.into_state(self.now, done as u64);
            match self.survive(&state, &mut snapshots, step.line, settings.lossy) {
                Ok(restored) => machine = restored,
                Err(error) => {
                    self.mismatch(
                        step.line,
                        "saved and restored",
                        "a machine that goes on",
                        &error.to_string(),
                    );
                    return self.report(trace, done - start, &state, snapshots);
                }
            }
        }
        let state = machine.state(self.now, done as u64);
        self.report(trace, done - start, &state, snapshots)
    }

    /// Takes a machine's state through a snapshot into new devices. The old ones are gone.
    fn survive(
        &mut self,
        state: &MachineState,
        snapshots: &mut Snapshots,
        line: usize,
        lossy: bool,
    ) -> Result<Machine<'r>, SnapshotError> {
        let levels = self.wires.levels();
        let restored = snapshots.pass_through(state, line)?;
        self.wires.disturb();
        let machine = Machine::from_state(&restored, self.wires).map_err(SnapshotError::State)?;
        if lossy {
            return Ok(machine);
        }
        if machine.state(self.now, state.events) != *state {
            self.mismatch(line, "saved and restored", "the same state", "another one");
        }
        for ((name, before), (_, after)) in levels.into_iter().zip(self.wires.levels()) {
            if before != after {
                self.mismatch(line, "restored", &format!("{name} at {before}"), &after.to_string());
            }
        }
        Ok(machine)
    }

    fn report(mut self, trace: &Trace, events: usize, state: &MachineState, snapshots: Snapshots) -> Report {
        let (known, inconsistent) = self.tally.finish(self.file);
        self.mismatches.extend(inconsistent);
        self.mismatches.sort_by_key(|mismatch| mismatch.line);
        Report {
            name: trace.name().to_owned(),
            events,
            reads: self.reads,
            mismatches: self.mismatches,
            known,
            snapshots: snapshots.taken,
            sizes: snapshots.sizes.unwrap_or_default(),
            losses: snapshots.losses(),
            console: self.wires.console.take(),
            keys: self.keys,
            packets: self.packets,
            state: *state,
        }
    }

    fn play(&mut self, machine: &mut Machine<'_>, step: &Step, next: Option<&Event>) {
        match &step.event {
            Event::Serial(event) => self.play_serial(machine, step, *event),
            Event::I8042(event) => self.play_i8042(machine, step.line, event, next),
            Event::Rtc(event) => self.play_rtc(machine, step.line, *event),
        }
        self.facts.note(&step.event);
        if self.wires.reset.take() {
            machine.reset(self.now);
        }
    }

    fn play_serial(&mut self, machine: &mut Machine<'_>, step: &Step, event: SerialEvent) {
        let now = self.now.serial;
        match event {
            SerialEvent::Write { register, value } => machine.serial.write(register, value, now),
            SerialEvent::Read { register, value } => {
                let ours = machine.serial.read(register, now);
                let what = || format!("serial r {register}");
                self.check(step.line, Read::Serial(register), &what, value, ours);
            }
            SerialEvent::Receive(byte) => {
                if machine.serial.receive(&[byte], now) != 1 {
                    self.mismatch(step.line, "serial rx", "room for a byte", "a full receiver");
                }
            }
            SerialEvent::Idle => {
                let four_characters = 4 * machine.serial.line_parameters().character_time();
                let deadline = machine.serial.next_deadline().unwrap_or(now);
                self.now.serial = deadline.max(now.saturating_add(four_characters));
                machine.serial.advance(self.now.serial);
            }
        }
    }

    fn play_i8042(&mut self, machine: &mut Machine<'_>, line: usize, event: &I8042Event, next: Option<&Event>) {
        let i8042 = &mut machine.i8042;
        match *event {
            I8042Event::Write { port, value } => {
                if let Some(Event::I8042(I8042Event::Mouse(packet))) = next
                    && asks_the_mouse_for_data(&i8042.state(), port, value)
                {
                    // It stands after the write that asks for it, and has to be there when it does.
                    i8042.count_mouse(&input(*packet));
                    self.packet_was_asked_for = true;
                }
                i8042.write(port.offset(), value);
            }
            I8042Event::Read { port, value } => {
                let ours = i8042.read(port.offset());
                let name = match port {
                    Port::Data => "i8042 r 60",
                    Port::Command => "i8042 r 64",
                };
                self.check(line, Read::I8042(port), &|| name.to_owned(), value, ours);
            }
            I8042Event::Key {
                key,
                pressed,
                ref codes,
            } => self.play_key(machine, line, key, pressed, codes),
            I8042Event::Mouse(packet) => {
                self.packets += 1;
                let already_sent = std::mem::take(&mut self.packet_was_asked_for);
                if !already_sent && !i8042.mouse_packet(&input(packet)) {
                    self.mismatch(line, "i8042 mouse", "room for a packet", "a full queue");
                }
            }
        }
    }

    fn play_key(&mut self, machine: &mut Machine<'_>, line: usize, key: Key, pressed: bool, codes: &[u8]) {
        self.keys.push(KeyStroke { key, pressed });
        let ours = machine.i8042.scan_codes(key, pressed);
        let what = || format!("i8042 key {} {}", key.name(), if pressed { "down" } else { "up" });
        let is_known = machine.i8042.state().keyboard.scan_code_set == ScanCodeSet::Three && {
            let (recorded, ours) = (codes_value(codes), codes_value(ours.as_slice()));
            let place = || Place {
                line,
                what: what(),
                ours,
            };
            self.tally
                .accepts(Read::KeyOfSet3(key, pressed), self.facts, recorded, &place)
        };
        if ours.as_slice() != codes && !is_known {
            self.mismatch(line, &what(), &codes_text(codes), &codes_text(ours.as_slice()));
        }
        // Where the buffer is full, the recorded keyboard dropped what did not fit.
        let _queued = machine.i8042.key_as_sent(key, pressed, codes);
    }

    fn play_rtc(&mut self, machine: &mut Machine<'_>, line: usize, event: RtcEvent) {
        let rtc = &mut machine.rtc;
        match event {
            RtcEvent::Write { register, value } => rtc.write(register, value, self.now.rtc),
            RtcEvent::Read { register, value } => {
                let ours = rtc.read(register, self.now.rtc);
                let what = || format!("rtc r {register:x}");
                self.check(line, Read::Rtc(register), &what, value, ours);
            }
            RtcEvent::Epoch(counter) => {
                let state = RtcState {
                    counter,
                    sub_second_ns: 0,
                    ..rtc.state(self.now.rtc)
                };
                if let Err(error) = rtc.restore(&state, self.now.rtc, Clock::Wall) {
                    self.mismatch(line, "rtc epoch", "a clock that can be set", &error.to_string());
                }
            }
            RtcEvent::Elapse(seconds) => {
                self.now.rtc = self.now.rtc.saturating_add(Duration::from_secs(seconds.into()));
                rtc.advance(self.now.rtc);
            }
            RtcEvent::Interrupt(level) => {
                let ours = self.wires.rtc.get();
                if ours != level {
                    let text = |level| u8::from(level).to_string();
                    self.mismatch(line, "rtc irq", &text(level), &text(ours));
                }
            }
        }
    }

    /// Compares what our device has given with what was recorded.
    fn check<T: Into<u32>>(&mut self, line: usize, read: Read, what: &dyn Fn() -> String, recorded: T, ours: T) {
        self.reads += 1;
        let (recorded, ours) = (recorded.into(), ours.into());
        let place = || Place {
            line,
            what: what(),
            ours,
        };
        if !self.tally.accepts(read, self.facts, recorded, &place) {
            self.mismatch(line, &what(), &value_text(read, recorded), &value_text(read, ours));
        }
    }

    fn mismatch(&mut self, line: usize, what: &str, expected: &str, got: &str) {
        self.mismatches.push(Mismatch {
            file: self.file.to_owned(),
            line,
            what: what.to_owned(),
            expected: expected.to_owned(),
            got: got.to_owned(),
        });
    }
}

/// The write makes the mouse assemble a packet: its command EB, neither another one's argument nor to be echoed.
fn asks_the_mouse_for_data(i8042: &I8042State, port: Port, value: u8) -> bool {
    port == Port::Data
        && value == READ_DATA
        && i8042.pending_command == PendingCommand::WriteMouse
        && i8042.mouse.argument == MouseArgument::None
        && !i8042.mouse.wrap
}

const READ_DATA: u8 = 0xeb;

fn input(packet: Packet) -> MouseInput {
    let Packet {
        dx,
        dy,
        dz,
        buttons,
        dw,
    } = packet;
    MouseInput {
        dx,
        dy,
        dz: dz.into(),
        dw: dw.into(),
        buttons: MouseButtons(buttons),
    }
}

fn value_text(read: Read, value: u32) -> String {
    match read {
        Read::Serial(_) | Read::I8042(_) => format!("{value:02x}"),
        Read::Rtc(_) | Read::KeyOfSet3(..) => format!("{value:x}"),
    }
}

/// The last four codes as a number.
fn codes_value(codes: &[u8]) -> u32 {
    codes.iter().fold(0, |value, code| value << 8 | u32::from(*code))
}

fn codes_text(codes: &[u8]) -> String {
    if codes.is_empty() {
        return "no codes".to_owned();
    }
    let codes: Vec<_> = codes.iter().map(|code| format!("{code:02x}")).collect();
    codes.join(" ")
}
