//! The i8042 with keyboard and mouse beside QEMU's.
//!
//! Time does not pass in this device, and no script lets it. What scripts leave out: accesses that are wider than a byte,
//! and more movement than 32,767 counts, which is where ours stops counting. What is not compared, since QEMU does not
//! show it: the LEDs, the typematic setting and gate A20, of which only the output port's bit is.

mod keyboard;
mod mouse;
mod travel;

use super::lines::{Line, Lines};
use super::qemu::{Edge, Machine, Outcome, Qemu};
use super::rows::{Tally, rows};
use super::saves::Saves;
use super::subject::{self, Stimulus};
use crate::script::i8042::{self as script, Op};
use anyhow::{Result, bail};
use devstate_core::NoInterrupt;
use devstate_i8042::spec::{self, config, controller, output_port, status};
use devstate_i8042::{
    Config, ControllerReply, I8042, I8042State, InputPortPoll, Key, NoControl, NoEvents, OutputBuffer, PendingCommand,
    SystemControl,
};
use devstate_i8042_ser::I8042StateSer;
use proptest::strategy::BoxedStrategy;
use std::cell::Cell;
use std::rc::Rc;

rows! {
    /// Rows of `devices/i8042/DIFFERENCES.md`.
    I8042Rows {
        StatusCommandBit = "status-command-bit",
        StatusSystemFlag = "status-system-flag",
        ControllerRam = "controller-ram",
        Password = "password",
        InputPortPoll = "input-port-poll",
        TestInputs = "test-inputs",
        Irq1WhileDisabled = "irq-1-while-disabled",
        ReplyWithItsSource = "reply-with-its-source",
        OutputPortIrqBits = "output-port-irq-bits",
        OutputPortWrittenBits = "output-port-written-bits",
        ResetForgets = "reset-forgets",
        KeyboardOverrun = "keyboard-overrun",
        KeyboardRepliesNeedNoRoom = "keyboard-replies-need-no-room",
        KeyboardResend = "keyboard-resend",
        KeyboardKeyTypes = "keyboard-key-types",
        KeyboardPrefixAtTheEnd = "keyboard-prefix-at-the-end",
        KeyboardCommandForOption = "keyboard-command-for-option",
        KeyboardRepeats = "keyboard-repeats",
        KeyboardHeldWhileDisabled = "keyboard-held-while-disabled",
        KeyboardSystemRequest = "keyboard-system-request",
        KeyboardSet3Codes = "keyboard-set-3-codes",
        KeyboardTypematicRange = "keyboard-typematic-range",
        MouseStatusButtons = "mouse-status-buttons",
        MouseAfterPowerOn = "mouse-after-power-on",
        MouseResetIsComplete = "mouse-reset-is-complete",
        MouseForgetsMovement = "mouse-forgets-movement",
        MouseWhileDisabled = "mouse-while-disabled",
        MouseScaling = "mouse-scaling",
        MouseResolution = "mouse-resolution",
        MouseWrapIsQuiet = "mouse-wrap-is-quiet",
        MouseResend = "mouse-resend",
        MouseRepliesWhenFull = "mouse-replies-when-full",
        MouseRepliesFirst = "mouse-replies-first",
        MouseCommandForArgument = "mouse-command-for-argument",
        MouseDefaultsProtocol = "mouse-defaults-protocol",
        MouseHorizontalWheel = "mouse-horizontal-wheel",
        MouseWheelSteps = "mouse-wheel-steps",
        MouseClicksAreReported = "mouse-clicks-are-reported",
        MouseReportsChanges = "mouse-reports-changes",
        MouseReportsLater = "mouse-reports-later",
        MouseSideButtonsWithWheel = "mouse-side-buttons-with-wheel",
    }
    beyond {
        "keyboard-settings-are-kept": "QEMU does not show its LEDs and its typematic setting, so they cannot be compared",
    }
}

const IRQ_1: u16 = 1;
const IRQ_12: u16 = 12;

type Elsewhere = I8042<NoInterrupt, NoInterrupt, NoControl>;

pub(crate) struct Subject {
    device: I8042<Line, Line, Control>,
    lines: Lines,
    control: Control,
    theirs: Theirs,
    tally: Tally,
}

/// What QEMU's device knows and ours has no place for.
struct Theirs {
    /// The level of IRQ 1, which is not a function of the rest.
    irq_1: bool,
    /// The last code that was translated was a break prefix.
    break_prefix: bool,
    /// Bits 4 and 5 of the output port.
    irq_bits: u8,
    /// They are as the guest has written them.
    irq_bits_written: bool,
    /// The mouse's resolution: any byte.
    resolution: u8,
    /// The mouse's sample rate.
    sample_rate: u8,
}

impl Theirs {
    const RESET: Self = Self {
        irq_1: false,
        break_prefix: false,
        irq_bits: 0,
        irq_bits_written: false,
        resolution: 0,
        sample_rate: 0,
    };
}

impl subject::Subject for Subject {
    type Op = Op;
    const FOLDER: &'static str = "i8042";
    const ROWS: &'static [&'static str] = I8042Rows::NAMES;
    const BEYOND: &'static [(&'static str, &'static str)] = I8042Rows::BEYOND;

    /// The guest halts. The machine runs, since keys and mice are not heard otherwise.
    fn machine() -> Machine {
        let mut firmware = vec![0xf4; 0x1_0000];
        // cli; hlt; jmp back to the hlt
        firmware[0xfff0..0xfff4].copy_from_slice(&[0xfa, 0xf4, 0xeb, 0xfd]);
        Machine {
            program: "qemu-system-x86_64",
            arguments: "-M pc -m 16 -accel tcg -bios {dir}/firmware".to_owned(),
            files: vec![("firmware", firmware)],
            interrupt_controller: Some("ioapic"),
            runs: true,
            ..Machine::default()
        }
    }

    fn scripts(length: usize) -> BoxedStrategy<Vec<Op>> {
        script::scripts(length)
    }

    /// A machine that was just started. Of QEMU's, the last byte, a half-sent command and a half-translated key survive a
    /// reset, so these are cleared first.
    fn begin(_: u64, _: &mut Qemu) -> Result<(Self, Vec<Stimulus>)> {
        let (lines, control) = (Lines::default(), Control::default());
        let subject = Self {
            device: I8042::new(lines.line(IRQ_1), lines.line(IRQ_12), control.clone()),
            lines,
            control,
            theirs: Theirs::RESET,
            tally: Tally::new(Self::ROWS),
        };
        let access = |command: &str| Stimulus::Access(command.to_owned());
        let stimuli = vec![
            Stimulus::Reset,
            access("outb 0x64 0xd2"),
            access("outb 0x60 0"),
            access("inb 0x60"),
            access("outb 0x64 0x60"),
            access("outb 0x60 0x43"),
            keyboard::as_event(Key::A, true),
            Stimulus::Reset,
        ];
        Ok((subject, stimuli))
    }

    fn step(&mut self, op: &Op) -> (Stimulus, Outcome) {
        let mut value = None;
        let mut wrote_config = false;
        let stimulus = match op {
            Op::Read(offset) => {
                value = Some(self.read(*offset).into());
                Stimulus::Access(format!("inb {:#x}", PORT + offset))
            }
            Op::Write(offset, byte) => {
                let pending = self.state().pending_command;
                wrote_config = *offset == spec::DATA && pending == PendingCommand::WriteRam(0);
                self.write(*offset, *byte);
                let access = format!("outb {:#x} {byte:#x}", PORT + offset);
                if self.control.take_reset() {
                    self.reset();
                    Stimulus::AccessThatResets(access)
                } else {
                    Stimulus::Access(access)
                }
            }
            Op::Key(key, pressed) => {
                self.key(*key, *pressed);
                keyboard::as_event(*key, *pressed)
            }
            Op::Mouse(input) => {
                let buttons = self.state().mouse.buttons;
                self.mouse(input);
                mouse::as_events(input, buttons)
            }
            Op::Reset => {
                self.reset();
                Stimulus::Reset
            }
        };
        let edges = self.edges(wrote_config);
        (stimulus, Outcome { value, edges })
    }

    fn elapse(&self, _: &mut Qemu, _: u64) -> Result<u64> {
        bail!("time does not pass")
    }

    fn elapsed(&mut self, _: u64) -> Outcome {
        Outcome::default()
    }

    fn save_and_restore(&mut self, saves: &mut Saves) -> Result<()> {
        let state = I8042State::try_from(&saves.through_bytes(I8042StateSer::new(&self.state()))?)?;
        let (lines, control) = (&self.lines, self.control.clone());
        self.device = I8042::from_state(
            &state,
            lines.line(IRQ_1),
            lines.line(IRQ_12),
            control,
            NoEvents,
            Config::DEFAULT,
        )?;
        Ok(())
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn lines(_: u64) -> Vec<u16> {
        vec![IRQ_1, IRQ_12]
    }
}

impl Theirs {
    /// A byte came into the output buffer, or left it.
    fn show(&mut self, state: &I8042State) {
        self.irq_bits = match irq_bits(state) {
            output_port::MOUSE_FULL => IRQ_BITS,
            bits => bits,
        };
        self.irq_bits_written = false;
    }
}

const PORT: u16 = 0x60;

/// The reset line.
#[derive(Clone, Debug, Default)]
struct Control(Rc<Cell<bool>>);

impl SystemControl for Control {
    fn set_a20(&mut self, _: bool) {}

    fn reset(&mut self) {
        self.0.set(true);
    }
}

impl Control {
    /// Returns `true` if a reset was requested since the last call.
    fn take_reset(&self) -> bool {
        self.0.take()
    }
}

const IRQ_BITS: u8 = output_port::KEYBOARD_FULL | output_port::MOUSE_FULL;

/// The controller's rows, and what all have in common.
impl Subject {
    fn state(&self) -> I8042State {
        self.device.state()
    }

    fn row(&mut self, row: I8042Rows, as_documented: bool) {
        self.tally.occurs(row as usize, as_documented);
    }

    /// Puts our device into the state that QEMU's is in: `wanted`, except for the source of the output buffer's byte.
    fn become_theirs(&mut self, before: &I8042State, wanted: &mut I8042State) {
        if before.output_buffer == OutputBuffer::Empty {
            let owner = next_output(wanted);
            if owner != wanted.output_buffer {
                wanted.output_buffer = owner;
                wanted.output_port = wanted.output_port & !IRQ_BITS | irq_bits(wanted);
            }
            if owner != OutputBuffer::Empty {
                self.theirs.show(wanted);
            }
        }
        self.correct(wanted);
    }

    fn correct(&mut self, wanted: &I8042State) {
        if self.state() == *wanted {
            return;
        }
        let device = &mut self.device;
        self.lines.correct(|| device.restore(wanted));
    }

    /// The edges of this step on QEMU's side. Its IRQ 1 is up only while the keyboard port is enabled.
    fn edges(&mut self, wrote_config: bool) -> Vec<Edge> {
        let state = self.state();
        let disabled = state.config & config::KEYBOARD_DISABLED != 0;
        let ours = comes_from_keyboard(&state) && state.config & config::KEYBOARD_INTERRUPT != 0;
        let as_documented = self.lines.is_up(IRQ_1) == ours;
        let before = self.theirs.irq_1;
        let mut edges = Vec::new();
        for edge in self.lines.take_edges() {
            if edge.line == IRQ_1 {
                if edge.level == self.theirs.irq_1 || edge.level && disabled {
                    continue;
                }
                self.theirs.irq_1 = edge.level;
            }
            edges.push(edge);
        }
        // Only this looks at a byte that is there already.
        if wrote_config && self.theirs.irq_1 != (ours && !disabled) {
            let (line, level) = (IRQ_1, ours && !disabled);
            self.theirs.irq_1 = level;
            edges.push(Edge { line, level });
        }
        if self.theirs.irq_1 != ours || before != self.theirs.irq_1 && !as_documented {
            self.row(I8042Rows::Irq1WhileDisabled, as_documented);
        }
        edges
    }

    fn read(&mut self, offset: u16) -> u8 {
        let before = self.state();
        let value = self.device.read(offset);
        if offset == spec::COMMAND && value & status::COMMAND == 0 {
            self.row(I8042Rows::StatusCommandBit, !before.last_write_was_command);
        }
        if offset == spec::DATA && before.output_buffer != OutputBuffer::Empty {
            let after = self.state();
            self.theirs.show(&after);
        }
        if offset == spec::COMMAND {
            value | status::COMMAND
        } else {
            value
        }
    }

    fn write(&mut self, offset: u16, byte: u8) {
        let before = self.state();
        self.device.write(offset, byte);
        let after = self.state();
        let mut wanted = after;
        if offset == spec::COMMAND {
            self.command(byte, &before, &mut wanted);
        } else {
            match before.pending_command {
                PendingCommand::None => self.keyboard_byte(byte, &before, &mut wanted),
                PendingCommand::WriteMouse => self.mouse_byte(byte, &before, &mut wanted),
                PendingCommand::WriteOutputPort => {
                    self.theirs.irq_bits = byte & IRQ_BITS;
                    self.theirs.irq_bits_written = true;
                }
                PendingCommand::WriteRam(_) if after.system_flag != before.system_flag => {
                    let written = byte & config::SYSTEM_FLAG != 0;
                    self.row(I8042Rows::StatusSystemFlag, after.system_flag == written);
                    wanted.system_flag = before.system_flag;
                }
                _ => {}
            }
        }
        self.keep_source(&before, &mut wanted);
        self.become_theirs(&before, &mut wanted);
    }

    /// Commands that QEMU's does not know: it does nothing.
    fn command(&mut self, command: u8, before: &I8042State, wanted: &mut I8042State) {
        let after = *wanted;
        let row = match command {
            0x21..=controller::READ_RAM_LAST => {
                let address = usize::from(command - controller::READ_RAM);
                let gave_it = after.reply == ControllerReply::Keyboard(before.ram[address - 1]);
                Some((I8042Rows::ControllerRam, gave_it))
            }
            0x61..=controller::WRITE_RAM_LAST => Some((
                I8042Rows::ControllerRam,
                keeps_a_byte(before, command - controller::WRITE_RAM),
            )),
            controller::TEST_PASSWORD => {
                let there_is_none = after.reply == ControllerReply::Keyboard(controller::NO_PASSWORD);
                Some((I8042Rows::Password, there_is_none))
            }
            controller::LOAD_PASSWORD => {
                let waits = after.pending_command == PendingCommand::LoadPassword;
                Some((I8042Rows::Password, waits && locks_with_a_password(before)))
            }
            controller::POLL_INPUT_PORT_LOW => {
                Some((I8042Rows::InputPortPoll, after.input_port_poll == InputPortPoll::Low))
            }
            controller::POLL_INPUT_PORT_HIGH => {
                let high = elsewhere(before, |device| device.write(spec::COMMAND, command));
                Some((I8042Rows::InputPortPoll, high.input_port_poll == InputPortPoll::High))
            }
            controller::READ_TEST_INPUTS => {
                let clocks = !(before.config >> 4) & 3;
                Some((I8042Rows::TestInputs, after.reply == ControllerReply::Keyboard(clocks)))
            }
            _ => None,
        };
        if let Some((row, as_documented)) = row {
            self.row(row, as_documented);
            *wanted = I8042State {
                last_write_was_command: true,
                ..*before
            };
        }
        if command == controller::READ_OUTPUT_PORT {
            self.output_port(before, wanted);
        }
    }

    fn output_port(&mut self, before: &I8042State, wanted: &mut I8042State) {
        let pins = before.output_port & !IRQ_BITS;
        let (ours, theirs) = (pins | irq_bits(before), pins | self.theirs.irq_bits);
        if theirs != ours {
            let as_documented = wanted.reply == ControllerReply::Keyboard(ours);
            if self.theirs.irq_bits_written {
                self.row(I8042Rows::OutputPortWrittenBits, as_documented);
            } else {
                let of_mouse = comes_from_mouse(before);
                self.row(I8042Rows::OutputPortIrqBits, as_documented && of_mouse);
            }
            wanted.reply = ControllerReply::Keyboard(theirs);
        }
    }

    /// A reply that replaces one of the other source counts as the old source's.
    fn keep_source(&mut self, before: &I8042State, wanted: &mut I8042State) {
        if before.output_buffer != OutputBuffer::Controller || comes_from_mouse(before) == comes_from_mouse(wanted) {
            return;
        }
        let shown = self.device.read(spec::COMMAND) & status::FROM_MOUSE != 0;
        self.row(I8042Rows::ReplyWithItsSource, shown == comes_from_mouse(wanted));
        wanted.reply = match wanted.reply {
            ControllerReply::Keyboard(byte) => ControllerReply::Mouse(byte),
            ControllerReply::Mouse(byte) => ControllerReply::Keyboard(byte),
            ControllerReply::None => ControllerReply::None,
        };
    }

    fn reset(&mut self) {
        let before = self.state();
        self.device.reset();
        let mut wanted = self.state();
        if before.pending_command != PendingCommand::None || before.last_read != 0 {
            self.row(I8042Rows::ResetForgets, wanted == I8042State::RESET);
            wanted.pending_command = before.pending_command;
            wanted.last_read = before.last_read;
        }
        self.correct(&wanted);
        self.theirs = Theirs {
            irq_1: self.theirs.irq_1,
            break_prefix: self.theirs.break_prefix,
            ..Theirs::RESET
        };
    }
}

/// What becomes of a device in that state.
fn elsewhere(state: &I8042State, what_happens: impl FnOnce(&mut Elsewhere)) -> I8042State {
    match I8042::from_state(state, NoInterrupt, NoInterrupt, NoControl, NoEvents, Config::DEFAULT) {
        Ok(mut device) => {
            what_happens(&mut device);
            device.state()
        }
        Err(error) => unreachable!("a row leads to a state that is refused: {error}"),
    }
}

/// Whether the byte of the RAM can be written and read.
fn keeps_a_byte(state: &I8042State, address: u8) -> bool {
    let mut read = 0;
    elsewhere(state, |device| {
        device.write(spec::COMMAND, controller::WRITE_RAM | address);
        device.write(spec::DATA, 0xa5);
        while device.state().output_buffer != OutputBuffer::Empty {
            device.read(spec::DATA);
        }
        device.write(spec::COMMAND, controller::READ_RAM | address);
        read = device.read(spec::DATA);
    });
    read == 0xa5
}

/// No keyboard sends it, so that nothing that waits opens the lock.
const NO_KEY: u8 = 0x7f;

/// Whether a password can be set, and locks.
fn locks_with_a_password(state: &I8042State) -> bool {
    let mut shown = status::UNLOCKED;
    elsewhere(state, |device| {
        device.write(spec::COMMAND, controller::LOAD_PASSWORD);
        device.write(spec::DATA, NO_KEY);
        device.write(spec::DATA, 0);
        device.write(spec::COMMAND, controller::ENABLE_PASSWORD);
        shown = device.read(spec::COMMAND);
    });
    shown & status::UNLOCKED == 0
}

/// The source of the next byte for the empty output buffer.
fn next_output(state: &I8042State) -> OutputBuffer {
    let is_enabled = |bit| state.config & bit == 0;
    let keyboard = !state.keyboard.replies.is_empty() || !state.keyboard.codes.is_empty();
    let mouse = !state.mouse.replies.is_empty() || !state.mouse.packets.is_empty();
    if state.reply != ControllerReply::None {
        OutputBuffer::Controller
    } else if keyboard && is_enabled(config::KEYBOARD_DISABLED) {
        OutputBuffer::Keyboard
    } else if mouse && is_enabled(config::MOUSE_DISABLED) {
        OutputBuffer::Mouse
    } else {
        OutputBuffer::Empty
    }
}

fn irq_bits(state: &I8042State) -> u8 {
    match (comes_from_keyboard(state), comes_from_mouse(state)) {
        (true, _) => output_port::KEYBOARD_FULL,
        (_, true) => output_port::MOUSE_FULL,
        _ => 0,
    }
}

fn comes_from_keyboard(state: &I8042State) -> bool {
    match state.output_buffer {
        OutputBuffer::Controller => matches!(state.reply, ControllerReply::Keyboard(_)),
        owner => owner == OutputBuffer::Keyboard,
    }
}

fn comes_from_mouse(state: &I8042State) -> bool {
    match state.output_buffer {
        OutputBuffer::Controller => matches!(state.reply, ControllerReply::Mouse(_)),
        owner => owner == OutputBuffer::Mouse,
    }
}
