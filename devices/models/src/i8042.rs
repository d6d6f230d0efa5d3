//! The keyboard controller with keyboard and mouse, beside a model of each from the manuals.

mod controller;
mod keyboard;
mod mouse;
mod outside;

use super::hostile::Named;
use super::probe::Line;
use super::wire::{Hostile, through_bytes};
use arbitrary::{Arbitrary, Unstructured};
use controller::Model;
use devstate_i8042::{
    Config, ControllerReply, I8042, I8042State, InputPortPoll, Key, KeyType, KeyboardOption, Lock, MouseArgument,
    MouseButtons, MouseInput, MouseProtocol, OutputBuffer, PendingCommand, RateSequence, ScanCodeSet,
};
use devstate_i8042_ser::I8042StateSer;
use outside::{Recorder, Wiring};

/// What guest, host or an attacker does.
#[derive(Arbitrary, Clone, Debug)]
pub enum Step {
    /// The guest reads the data port.
    Data,
    /// The guest reads the status port, or anywhere.
    Read(#[arbitrary(with = offset)] u16),
    /// The guest writes a port, or anywhere.
    Write(#[arbitrary(with = offset)] u16, u8),
    /// The guest sends the keyboard a byte.
    ToKeyboard(#[arbitrary(with = command)] u8),
    /// The guest sends the mouse a byte.
    ToMouse(#[arbitrary(with = command)] u8),
    /// A key.
    Key(#[arbitrary(with = key)] Key, bool),
    /// A key of another keyboard, with what that one sent.
    KeyAsSent(#[arbitrary(with = key)] Key, bool, Vec<u8>),
    /// All keys go up.
    ReleaseAll,
    /// The mouse moves.
    Move(#[arbitrary(with = input)] MouseInput),
    /// The mouse moves, and only counts.
    Count(#[arbitrary(with = input)] MouseInput),
    /// The mouse reports what it has counted.
    Report,
    /// A packet of another mouse.
    Packet(#[arbitrary(with = input)] MouseInput),
    /// The machine is reset.
    Reset,
    /// Saved, and restored into itself or into a new device.
    Resume(bool),
    /// Restored from the present state with one field changed: which, where in it, to what.
    Poke(u8, u8, u16),
    /// Restored from bytes.
    Wire(Hostile),
}

fn offset(bytes: &mut Unstructured<'_>) -> arbitrary::Result<u16> {
    Ok(match bytes.arbitrary::<u8>()? {
        0..0xa0 => 4,
        0xa0..0xe0 => 0,
        choice @ 0xe0..0xf8 => u16::from(choice % 8),
        _ => bytes.arbitrary()?,
    })
}

/// Mostly the commands, and the rates that a mouse listens for.
fn command(bytes: &mut Unstructured<'_>) -> arbitrary::Result<u8> {
    Ok(match bytes.arbitrary::<u8>()? {
        choice @ 0..0xa0 => 0xe0 + choice % 32,
        choice @ 0xa0..0xc0 => [200, 100, 200, 80][usize::from(choice % 4)],
        choice @ 0xc0..0xd8 => choice % 6,
        _ => bytes.arbitrary()?,
    })
}

fn key(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Key> {
    Ok(match bytes.arbitrary::<u8>()? {
        choice @ 0xc0.. => [Key::A, Key::Ctrl, Key::Alt, Key::Pause, Key::Print, Key::Shift][usize::from(choice % 6)],
        _ => Key::ALL[usize::from(bytes.arbitrary::<u8>()?) % Key::ALL.len()],
    })
}

fn input(bytes: &mut Unstructured<'_>) -> arbitrary::Result<MouseInput> {
    let mut counts = || -> arbitrary::Result<i16> {
        Ok(match bytes.arbitrary::<u8>()? {
            0..0x60 => 0,
            0x60..0xe0 => bytes.arbitrary::<i8>()?.into(),
            _ => bytes.arbitrary()?,
        })
    };
    Ok(MouseInput {
        dx: counts()?,
        dy: counts()?,
        dz: counts()?,
        dw: counts()?,
        buttons: MouseButtons(bytes.arbitrary()?),
    })
}

/// How many fields [`poke`] knows.
pub const FIELDS: u8 = 12 + 34;

/// Runs a script.
pub fn run(steps: &[Step]) {
    let mut run = Run::new();
    for step in steps {
        run.step(step);
        run.check();
    }
    run.check_that_it_empties();
}

struct Run {
    device: I8042<Line, Line, Wiring, Recorder>,
    lines: [Line; 2],
    wiring: Wiring,
    recorder: Recorder,
    model: Model,
    /// The lines that a read of a byte takes down.
    falls: [bool; 2],
}

impl Run {
    fn new() -> Self {
        let (lines, wiring, recorder) = (
            [Line::default(), Line::default()],
            Wiring::default(),
            Recorder::default(),
        );
        let [irq_1, irq_12] = lines.clone();
        Self {
            device: I8042::with_events(irq_1, irq_12, wiring.clone(), recorder.clone()),
            lines,
            wiring,
            recorder,
            model: Model::of(&I8042State::RESET),
            falls: [false; 2],
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Data => self.read(0),
            Step::Read(offset) => self.read(*offset),
            Step::Write(offset, value) => self.write(*offset, *value),
            Step::ToKeyboard(byte) => self.write(0, *byte),
            Step::ToMouse(byte) => {
                self.write(4, 0xd4);
                self.check();
                self.write(0, *byte);
            }
            Step::Key(key, pressed) => {
                assert_eq!(self.device.key(*key, *pressed), self.model.key(*key, *pressed));
            }
            Step::KeyAsSent(key, pressed, codes) => {
                let taken = self.device.key_as_sent(*key, *pressed, codes);
                assert_eq!(taken, self.model.key_as_sent(*key, *pressed, codes));
            }
            Step::ReleaseAll => assert_eq!(self.device.release_all(), self.model.release_all()),
            Step::Move(input) => assert_eq!(self.device.mouse(input), self.model.mouse(input)),
            Step::Count(input) => {
                self.device.count_mouse(input);
                self.model.count_mouse(input);
            }
            Step::Report => assert_eq!(self.device.report_mouse(), self.model.report_mouse()),
            Step::Packet(input) => {
                assert_eq!(self.device.mouse_packet(input), self.model.mouse_packet(input));
            }
            Step::Reset => {
                self.device.reset();
                self.restored(&I8042State::RESET);
            }
            Step::Resume(same) => {
                let state = self.device.state();
                if *same {
                    self.device.restore(&state).unwrap();
                } else {
                    let ([irq_1, irq_12], wiring, recorder) =
                        (self.lines.clone(), self.wiring.clone(), self.recorder.clone());
                    self.device = I8042::from_state(&state, irq_1, irq_12, wiring, recorder, Config::DEFAULT).unwrap();
                }
                self.restored(&state);
            }
            Step::Poke(field, index, value) => {
                let mut state = self.device.state();
                poke(&mut state, *field, (*index).into(), *value);
                self.restore_hostile(&state);
            }
            Step::Wire(hostile) => {
                let decoded = hostile.decode(&I8042StateSer::new(&self.device.state()));
                if let Some(state) = decoded.and_then(|mirror| I8042State::try_from(&mirror).ok()) {
                    self.restore_hostile(&state);
                }
            }
        }
    }

    fn read(&mut self, offset: u16) {
        self.falls = if offset == 0 { self.model.levels() } else { [false; 2] };
        assert_eq!(self.device.read(offset), self.model.read(offset), "read of {offset:#x}");
    }

    fn write(&mut self, offset: u16, value: u8) {
        self.device.write(offset, value);
        self.model.write(offset, value);
    }

    /// Any state is refused, and nothing happens, or the device goes on from it.
    fn restore_hostile(&mut self, state: &I8042State) {
        let before = self.device.state();
        let restored = self.device.restore(state);
        assert_eq!(restored, state.validate());
        if let Err(error) = restored {
            state.assert_named(&error);
            assert_eq!(self.device.state(), before, "touched by a refused state");
            for line in &self.lines {
                line.assert_not_driven();
            }
            assert!(self.wiring.take_a20().is_empty());
        } else {
            let model = Model::of(state).state();
            // The interrupt bits of the output port are computed.
            let output_port = model.output_port;
            let expected = I8042State { output_port, ..*state };
            assert_eq!(model, expected, "accepted, but a model cannot say it");
            self.restored(state);
        }
    }

    fn restored(&mut self, state: &I8042State) {
        for line in &self.lines {
            line.take_restored();
        }
        assert_eq!(self.wiring.take_a20(), [state.output_port & 2 != 0]);
        let before = std::mem::replace(&mut self.model, Model::of(state)).had_data;
        self.model.note_emptied(before);
    }

    fn check_lines(&mut self) {
        let levels = self.model.levels();
        for ((line, falls), level) in self.lines.iter().zip(&mut self.falls).zip(levels) {
            let edges = line.take_changes(2);
            // Down for the byte that was read, up for the next: each byte makes an edge.
            if std::mem::take(falls) {
                assert_eq!(edges, 1 + usize::from(level), "edges for a byte");
            }
        }
        assert_eq!(self.lines.each_ref().map(Line::level), levels, "the lines' levels");
        assert_eq!(self.device.interrupt_levels(), levels.into());
        assert!(levels != [true; 2], "one byte, two interrupts");
    }

    fn check(&mut self) {
        self.check_lines();
        assert_eq!(self.wiring.take_a20(), std::mem::take(&mut self.model.a20));
        assert_eq!(self.wiring.take_resets(), std::mem::take(&mut self.model.resets));
        self.check_events();

        let state = self.device.state();
        assert_eq!(state, self.model.state());
        assert_eq!(state.validate(), Ok(()));
        assert_eq!(
            I8042State::try_from(&through_bytes(&I8042StateSer::new(&state))),
            Ok(state)
        );
        assert_eq!(self.device.leds(), state.keyboard.leds);
        self.check_status();
        check_twin(&state);
    }

    fn check_events(&mut self) {
        let (mut events, mut expected) = (self.recorder.take(), std::mem::take(&mut self.model.events));
        assert!(events.len() <= MOST_EVENTS, "{events:?} in one access");
        events.sort_unstable();
        expected.sort_unstable();
        assert_eq!(events, expected, "the events");
    }

    /// Reading the status serves nothing and changes nothing.
    fn check_status(&mut self) {
        let before = self.device.state();
        assert_eq!(self.device.read(4), self.model.read(4), "status");
        assert_eq!(self.device.state(), before);
        for line in &self.lines {
            line.assert_not_driven();
        }
    }

    /// A guest that reads as long as there is something comes to an end.
    fn check_that_it_empties(&mut self) {
        let mut read = 0;
        while self.device.state().output_buffer != OutputBuffer::Empty {
            assert!(read < MOST_BYTES, "more bytes than there is room for");
            self.read(0);
            self.check_lines();
            read += 1;
        }
        self.check();
    }
}

/// A byte written or a movement: lost or unknown, with the lock's end, or a packet delayed.
const MOST_EVENTS: usize = 3;

/// A reply, the keyboard's replies, codes and overrun, the mouse's queue.
const MOST_BYTES: usize = 1 + 3 + 16 + 1 + 24;

/// A device from the state is in that state, with its lines where the state says.
fn check_twin(state: &I8042State) {
    let (irq_1, irq_12, wiring) = (Line::default(), Line::default(), Wiring::default());
    let twin = I8042::from_state(
        state,
        irq_1.clone(),
        irq_12.clone(),
        wiring,
        Recorder::default(),
        Config::DEFAULT,
    )
    .unwrap();
    irq_1.take_restored();
    irq_12.take_restored();
    assert_eq!(twin.state(), *state);
    assert_eq!([irq_1.level(), irq_12.level()], Model::of(state).levels());
}

/// Sets one field to anything that its type can say.
pub fn poke(state: &mut I8042State, field: u8, index: usize, value: u16) {
    match field % FIELDS {
        field @ 0..12 => poke_controller(state, field, index, value as u8),
        field => poke_devices(state, field - 12, index, value),
    }
}

fn poke_controller(state: &mut I8042State, field: u8, index: usize, byte: u8) {
    match field {
        0 => state.config = byte,
        1 => state.ram[index % 31] = byte,
        2 => state.output_port = byte,
        3 => state.system_flag = byte & 1 != 0,
        4 => {
            let polls = [InputPortPoll::Off, InputPortPoll::Low, InputPortPoll::High];
            state.input_port_poll = polls[index % 3];
        }
        5 => {
            state.pending_command = [
                PendingCommand::None,
                PendingCommand::WriteRam(byte),
                PendingCommand::LoadPassword,
                PendingCommand::WriteOutputPort,
                PendingCommand::WriteKeyboardBuffer,
                PendingCommand::WriteMouseBuffer,
                PendingCommand::WriteMouse,
            ][index % 7];
        }
        6 => state.output_buffer = owner(index),
        7 => state.reply = reply(index, byte),
        // Two fields that belong together.
        8 => (state.output_buffer, state.reply) = (owner(index / 3), reply(index, byte)),
        9 => state.password.bytes[index % 8] = byte,
        10 => state.password.len = byte,
        _ => state.lock = if index & 1 == 0 { Lock::Open } else { Lock::Locked(byte) },
    }
}

fn owner(index: usize) -> OutputBuffer {
    [
        OutputBuffer::Empty,
        OutputBuffer::Controller,
        OutputBuffer::Keyboard,
        OutputBuffer::Mouse,
    ][index % 4]
}

fn reply(index: usize, byte: u8) -> ControllerReply {
    [
        ControllerReply::None,
        ControllerReply::Keyboard(byte),
        ControllerReply::Mouse(byte),
    ][index % 3]
}

fn poke_devices(state: &mut I8042State, field: u8, index: usize, value: u16) {
    let byte = value as u8;
    let (keyboard, mouse) = (&mut state.keyboard, &mut state.mouse);
    match field {
        0 => {
            keyboard.option = [
                KeyboardOption::None,
                KeyboardOption::Leds,
                KeyboardOption::ScanCodeSet,
                KeyboardOption::Typematic,
                KeyboardOption::Keys(KeyType::Make),
                KeyboardOption::Keys(KeyType::MakeBreak),
                KeyboardOption::Keys(KeyType::Typematic),
            ][index % 7];
        }
        1 => keyboard.scan_code_set = [ScanCodeSet::One, ScanCodeSet::Two, ScanCodeSet::Three][index % 3],
        2 => keyboard.scanning = byte & 1 != 0,
        3 => keyboard.leds = byte,
        4 => keyboard.typematic = byte,
        5 => keyboard.last_sent = byte,
        6 => keyboard.replies.bytes[index % 3] = byte,
        7 => keyboard.replies.len = byte,
        8 => keyboard.codes.bytes[index % 16] = byte,
        9 => keyboard.codes.len = byte,
        10 => keyboard.overrun = (index & 1 != 0).then_some(byte),
        11 => keyboard.held.0[index % 19] = byte,
        12 => keyboard.without_break.0[index % 19] = byte,
        13 => keyboard.without_repeat.0[index % 19] = byte,
        14 => {
            let arguments = [
                MouseArgument::None,
                MouseArgument::Resolution,
                MouseArgument::SampleRate,
            ];
            mouse.argument = arguments[index % 3];
        }
        15 => mouse.remote = byte & 1 != 0,
        16 => mouse.wrap = byte & 1 != 0,
        17 => mouse.reporting = byte & 1 != 0,
        18 => mouse.resolution = byte,
        19 => mouse.sample_rate = byte,
        20 => {
            mouse.protocol = [
                MouseProtocol::Standard,
                MouseProtocol::IntelliMouse,
                MouseProtocol::Explorer,
                MouseProtocol::ExplorerHorizontal,
            ][index % 4];
        }
        21 => {
            let sequences = [
                RateSequence::None,
                RateSequence::Rate200,
                RateSequence::Rate200Then100,
                RateSequence::Rate200Then200,
                RateSequence::Rate200Then80,
            ];
            mouse.rate_sequence = sequences[index % 5];
        }
        22 => mouse.buttons = MouseButtons(byte),
        23 => {
            let counts = [&mut mouse.dx, &mut mouse.dy, &mut mouse.dz, &mut mouse.dw];
            let [dx, dy, dz, dw] = counts;
            *[dx, dy, dz, dw][index % 4] = value.cast_signed();
        }
        24 => mouse.reported = MouseButtons(byte),
        25 => mouse.replies.bytes[index % 24] = byte,
        26 => mouse.replies.len = byte,
        27 => mouse.last_sent.bytes[index % 5] = byte,
        28 => mouse.last_sent.len = byte,
        29 => mouse.clicks = MouseButtons(byte),
        30 => mouse.packets.bytes[index % 16] = byte,
        31 => (mouse.packets.len, mouse.begun) = (byte, (value >> 8) as u8),
        32 => keyboard.sys_rq = byte & 1 != 0,
        _ => mouse.scaling_2_1 = byte & 1 != 0,
    }
}
