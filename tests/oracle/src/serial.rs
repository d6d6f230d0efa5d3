//! The 16550A beside QEMU's `isa-serial`.

mod receiver;
mod travel;

use super::lines::{Line, Lines};
use super::qemu::{Machine, Outcome, Qemu};
use super::rows::{Tally, rows};
use super::saves::Saves;
use super::subject::{self, Stimulus};
use crate::script::serial::{self as script, Op};
use anyhow::{Result, ensure};
use devstate_core::{Clock, Instant, NoInterrupt};
use devstate_serial_16550::{AlwaysReady, Config, NoEvents, Serial, SerialState, spec};
use devstate_serial_16550_ser::SerialStateSer;
use embedded_io::{ErrorType, Write};
use proptest::strategy::BoxedStrategy;
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;

rows! {
    /// Rows of `devices/serial-16550/DIFFERENCES.md`.
    SerialRows {
        McrAfterReset = "mcr-after-reset",
        FcrSurvivesReset = "fcr-survives-reset",
        DivisorAfterReset = "divisor-after-reset",
        FcrWithoutEnable = "fcr-without-enable",
        CharacterErrors = "character-errors",
        BreakWithItsCharacter = "break-with-its-character",
        BreakIn16450Mode = "break-in-16450-mode",
        BreakRestartsTimeout = "break-restarts-timeout",
        LoopbackWordLength = "loopback-word-length",
        LoopbackDeltas = "loopback-deltas",
        LoopbackInput = "loopback-input",
        OneAndAHalfStopBits = "one-and-a-half-stop-bits",
        TimeoutAfterReset = "timeout-after-reset",
        DivisorZero = "divisor-zero",
        ReceiveUpToTheFifo = "receive-up-to-the-fifo",
        ThreInterruptEdges = "thre-interrupt-edges",
    }
    beyond {
        "full-transmit-fifo": "QEMU's sockets do not stall when told to",
        "stalled-output-keeps": "QEMU's sockets do not stall when told to",
        "stalled-output-goes-round": "QEMU's sockets do not stall when told to",
        "modem-lines-at-once": "QEMU's sockets have no modem lines",
        "loopback-outputs": "QEMU's sockets have no modem lines",
    }
}

/// Base port and interrupt of the four.
const PORTS: [(u16, u16); 4] = [(0x3f8, 4), (0x2f8, 3), (0x3e8, 5), (0x2e8, 7)];

/// Two deadlines that lie closer than this cannot be told apart: QEMU rounds character times.
const BLUR: u64 = 20_000;

pub(crate) struct Subject {
    device: Serial<Line, AlwaysReady<Sink>>,
    lines: Lines,
    sink: Sink,
    now: u64,
    port: usize,
    theirs: Theirs,
    tally: Tally,
}

/// What QEMU's device knows and ours has no place for.
struct Theirs {
    /// The time-out's timer. It goes on when the FIFO is read empty.
    timer_at: Option<u64>,
    timed_out: bool,
    /// IIR's upper bits: a reset clears them, but not the FIFOs' being on.
    iir_shows_fifo: bool,
    /// Breaks that went into the FIFO that is off.
    hidden_breaks: u8,
    /// LCR and divisor have not been written since the reset.
    default_line: bool,
}

impl Theirs {
    const RESET: Self = Self {
        timer_at: None,
        timed_out: false,
        iir_shows_fifo: false,
        hidden_breaks: 0,
        default_line: true,
    };
}

/// Where output goes. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sink(Rc<RefCell<Vec<u8>>>);

impl Sink {
    /// What has been sent so far.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.0.borrow().clone()
    }
}

impl ErrorType for Sink {
    type Error = core::convert::Infallible;
}

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Self::Error> {
        self.0.borrow_mut().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl subject::Subject for Subject {
    type Op = Op;
    const FOLDER: &'static str = "serial-16550";
    const ROWS: &'static [&'static str] = SerialRows::NAMES;
    const BEYOND: &'static [(&'static str, &'static str)] = SerialRows::BEYOND;

    /// The guest jumps in place, so that time passes while it runs: 32 ns an instruction. The HPET shows how much.
    fn machine() -> Machine {
        let mut firmware = vec![0xf4; 0x1_0000];
        firmware[0xfff0..0xfff2].copy_from_slice(&[0xeb, 0xfe]);
        let uarts = PORTS.iter().enumerate().map(|(index, (base, irq))| {
            format!(
                "-chardev socket,id=c{index},path={{dir}}/input{index} \
                 -device isa-serial,iobase={base:#x},irq={irq},chardev=c{index}"
            )
        });
        let machine = "-M pc -m 16 -accel tcg -icount shift=5,sleep=off -bios {dir}/firmware".to_owned();
        let arguments: Vec<String> = std::iter::once(machine).chain(uarts).collect();
        Machine {
            program: "qemu-system-x86_64",
            arguments: arguments.join(" "),
            files: vec![("firmware", firmware)],
            inputs: PORTS.len(),
            interrupt_controller: Some("ioapic"),
            after_reset: &["writeq 0xfed00010 1"],
            ..Machine::default()
        }
    }

    fn scripts(length: usize) -> BoxedStrategy<Vec<Op>> {
        script::scripts(length)
    }

    /// A machine that was just started: QEMU's FCR survives a reset, so it is cleared first.
    fn begin(number: u64, _: &mut Qemu) -> Result<(Self, Vec<Stimulus>)> {
        let port = number as usize % PORTS.len();
        let (lines, sink) = (Lines::default(), Sink::default());
        let line = lines.line(PORTS[port].1);
        let mut subject = Self {
            device: Serial::with_config(line, AlwaysReady(sink.clone()), NoEvents, Config::WITH_TIMER),
            lines,
            sink,
            now: 0,
            port,
            theirs: Theirs::RESET,
            tally: Tally::new(Self::ROWS),
        };
        subject.mcr_after_reset();
        let clear = Stimulus::Access(format!("outb {:#x} 0", PORTS[port].0 + spec::FCR));
        let close = Stimulus::Access(format!("outb {:#x} 0", PORTS[port].0 + spec::LCR));
        Ok((subject, vec![close, clear, Stimulus::Reset]))
    }

    fn step(&mut self, op: &Op) -> (Stimulus, Outcome) {
        let mut value = None;
        let stimulus = match op {
            Op::Read(register) => {
                value = Some(self.read(*register).into());
                Stimulus::Access(format!("inb {:#x}", PORTS[self.port].0 + register))
            }
            Op::Write(register, value) => {
                self.write(*register, *value);
                Stimulus::Access(format!("outb {:#x} {value:#x}", PORTS[self.port].0 + register))
            }
            Op::Receive(bytes) => self.receive(bytes),
            Op::Break => {
                self.receive_break();
                Stimulus::Qmp("chardev-send-break", json!({"id": format!("c{}", self.port)}))
            }
            Op::Elapse(about) => Stimulus::Elapse(*about),
            Op::Reset => {
                self.reset();
                Stimulus::Reset
            }
        };
        if !matches!(op, Op::Elapse(_)) {
            self.follow_their_timer(op);
        }
        (stimulus, self.lines.outcome(value))
    }

    fn elapse(&self, qemu: &mut Qemu, about: u64) -> Result<u64> {
        let start = counter(qemu)?;
        let mut passed = 0;
        // Not so close to the end of the time-out that nobody could say whether it has been reached.
        while passed < about || self.is_blurred(passed) {
            let goal = passed.max(about);
            qemu.run_until(|qemu| Ok((counter(qemu)? - start) * COUNTER_NS > goal))?;
            passed = (counter(qemu)? - start) * COUNTER_NS;
            ensure!(passed < 20_000_000_000, "time runs away");
        }
        Ok(passed)
    }

    fn elapsed(&mut self, nanoseconds: u64) -> Outcome {
        self.now += nanoseconds;
        let before = self.lines.edges();
        self.device.advance(Instant::from_nanos(self.now));
        if self.lines.forget_pulse(before) {
            let pending = self.state().thre_pending;
            self.row(SerialRows::ThreInterruptEdges, pending);
        }
        if self.theirs.timer_at.is_some_and(|at| at <= self.now) {
            self.theirs.timer_at = None;
            self.theirs.timed_out = self.state().rx.len != 0;
        }
        self.follow_their_timer(&Op::Elapse(0));
        self.lines.outcome(Some(nanoseconds))
    }

    /// The moment of the save is left out: `Clock::Frozen` does not look at it, and version 1 does not have it.
    fn save_and_restore(&mut self, saves: &mut Saves) -> Result<()> {
        let state = SerialState {
            saved_at: Instant::EPOCH,
            ..self.state()
        };
        let state = SerialState::try_from(&saves.through_bytes(SerialStateSer::new(&state))?)?;
        let (line, output) = (self.lines.line(PORTS[self.port].1), AlwaysReady(self.sink.clone()));
        self.device = Serial::from_state(
            &state,
            line,
            output,
            NoEvents,
            Config::WITH_TIMER,
            Instant::from_nanos(self.now),
            Clock::Frozen,
        )?;
        Ok(())
    }

    fn output(&self) -> Option<(usize, Vec<u8>)> {
        Some((self.port, self.sink.0.borrow().clone()))
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Of all four: what is done to one moves no other's line.
    fn lines(_: u64) -> Vec<u16> {
        PORTS.iter().map(|(_, line)| *line).collect()
    }
}

const COUNTER_NS: u64 = 10;
const MAX_TIMEOUT: u64 = SerialState::MAX_TIMEOUT_NANOS;

/// The HPET's main counter.
fn counter(qemu: &mut Qemu) -> Result<u64> {
    qemu.peek("readq 0xfed000f0")
}

/// The level of the line if nothing were pending for the transmitter.
fn level_without_thre(state: &SerialState) -> bool {
    let state = SerialState {
        thre_pending: false,
        ..*state
    };
    let output = AlwaysReady(Sink::default());
    Serial::from_state(
        &state,
        NoInterrupt,
        output,
        NoEvents,
        Config::WITH_TIMER,
        state.saved_at,
        Clock::Frozen,
    )
    .is_ok_and(|serial| serial.interrupt_level())
}

impl Subject {
    fn state(&self) -> SerialState {
        self.device.state(Instant::from_nanos(self.now))
    }

    /// Puts our device into the state that QEMU's is in.
    fn correct(&mut self, change: impl FnOnce(&mut SerialState)) {
        let mut state = self.state();
        change(&mut state);
        let (device, now) = (&mut self.device, Instant::from_nanos(self.now));
        self.lines.correct(|| device.restore(&state, now, Clock::Frozen));
    }

    fn row(&mut self, row: SerialRows, as_documented: bool) {
        self.tally.occurs(row as usize, as_documented);
    }

    fn read(&mut self, register: u16) -> u8 {
        let before = self.state();
        let mut value = self.device.read(register, Instant::from_nanos(self.now));
        let after = self.state();
        match register {
            spec::RBR if before.lcr & spec::lcr::DLAB == 0 => {
                self.theirs.timed_out = false;
                if after.fcr != 0 && after.rx.len != 0 {
                    self.start_their_timer();
                }
                if after.rx.len == 0 && after.lsr_errors & spec::lsr::BREAK != 0 {
                    self.row(SerialRows::BreakWithItsCharacter, true);
                    self.correct(|state| state.lsr_errors &= !spec::lsr::BREAK);
                }
            }
            spec::IIR if after.fcr != 0 && !self.theirs.iir_shows_fifo => {
                self.row(SerialRows::FcrSurvivesReset, value & 0xc0 == 0xc0);
                value &= !0xc0;
            }
            spec::LSR if value & spec::lsr::FIFO_ERROR != 0 => {
                self.row(SerialRows::CharacterErrors, before.lsr_errors & spec::lsr::BREAK != 0);
                value &= !spec::lsr::FIFO_ERROR;
            }
            _ => {}
        }
        value
    }

    fn write(&mut self, register: u16, value: u8) {
        let before = self.state();
        self.device.write(register, value, Instant::from_nanos(self.now));
        let divisor_latch = before.lcr & spec::lcr::DLAB != 0;
        match register {
            spec::DLL | spec::DLM if divisor_latch => self.theirs.default_line = false,
            spec::LCR => self.theirs.default_line = false,
            spec::THR => self.wrote_thr(&before, value),
            spec::FCR => self.wrote_fcr(&before, value),
            spec::MCR => self.wrote_mcr(&before),
            _ => {}
        }
    }

    fn wrote_thr(&mut self, before: &SerialState, value: u8) {
        if before.thre_pending && before.lcr & spec::lcr::DLAB == 0 && !level_without_thre(before) {
            self.row(SerialRows::ThreInterruptEdges, self.device.interrupt_level());
            self.lines.pulse(PORTS[self.port].1);
        }
        if before.mcr & spec::mcr::LOOP == 0 {
            return;
        }
        if before.fcr != 0 {
            self.start_their_timer();
        }
        let word = 0xff >> (3 - (before.lcr & spec::lcr::WORD_LENGTH));
        let after = self.state();
        let arrived = before.fcr == 0 || after.rx.len > before.rx.len;
        if value & !word != 0 && arrived {
            let place = usize::from(after.rx.len) - 1;
            self.row(SerialRows::LoopbackWordLength, after.rx.bytes[place] == value & word);
            self.correct(|state| state.rx.bytes[place] = value);
        }
    }

    fn wrote_fcr(&mut self, before: &SerialState, value: u8) {
        let toggled = (value & spec::fcr::ENABLE != 0) != (before.fcr != 0);
        let clears = |bit: u8| toggled || value & bit != 0;
        if clears(spec::fcr::CLEAR_RECEIVER) {
            self.theirs.timer_at = None;
            self.theirs.timed_out = false;
            self.theirs.hidden_breaks = 0;
        }
        self.theirs.iir_shows_fifo = value & spec::fcr::ENABLE != 0;
        if toggled || value & spec::fcr::ENABLE != 0 {
            return;
        }
        let after = self.state();
        let mut wanted = after;
        if clears(spec::fcr::CLEAR_RECEIVER) {
            if let [character, ..] = after.rx.as_slice() {
                wanted.rbr = *character;
            }
            wanted.rx = SerialState::RESET.rx;
            wanted.lsr_errors &= !spec::lsr::BREAK;
        }
        if clears(spec::fcr::CLEAR_TRANSMITTER) && after.ier & spec::ier::THR_EMPTY != 0 {
            wanted.thre_pending = true;
        }
        if wanted != after {
            self.row(SerialRows::FcrWithoutEnable, after == *before);
            self.correct(|state| *state = wanted);
        }
    }

    fn wrote_mcr(&mut self, before: &SerialState) {
        let after = self.state();
        if after.msr_deltas != 0 {
            let (old, new) = (inputs(before), inputs(&after));
            let fell = old & !new & spec::msr::RI != 0;
            let expected = ((old ^ new) & !spec::msr::RI) >> 4 | if fell { spec::msr::TRAILING_EDGE_RI } else { 0 };
            self.row(SerialRows::LoopbackDeltas, after.msr_deltas == expected);
            self.correct(|state| state.msr_deltas = 0);
        }
    }

    fn reset(&mut self) {
        let before = self.state();
        self.device.reset(Instant::from_nanos(self.now));
        let after = self.state();
        let kept = (after.divisor, after.scr) == (before.divisor, before.scr);
        if (after.divisor, after.scr, after.rbr) != (spec::INITIAL_DIVISOR, 0, 0) {
            self.row(SerialRows::DivisorAfterReset, kept);
            self.correct(|state| (state.divisor, state.scr, state.rbr) = (spec::INITIAL_DIVISOR, 0, 0));
        }
        if before.fcr != 0 {
            self.row(SerialRows::FcrSurvivesReset, after.fcr == 0);
            self.correct(|state| state.fcr = before.fcr);
        }
        self.mcr_after_reset();
        self.theirs = Theirs::RESET;
    }

    fn mcr_after_reset(&mut self) {
        let mcr = self.state().mcr;
        self.row(SerialRows::McrAfterReset, mcr == 0);
        self.correct(|state| state.mcr = spec::mcr::OUT2);
    }

    fn start_their_timer(&mut self) {
        let state = self.state();
        self.theirs.timer_at = Some(self.now + their_timeout(&state, self.theirs.default_line));
    }

    /// QEMU's time-out has another length in some cases, and another start in one.
    fn follow_their_timer(&mut self, op: &Op) {
        let state = self.state();
        if state.fcr == 0 || state.rx.len == 0 {
            return;
        }
        let wanted = match self.theirs.timer_at {
            _ if self.theirs.timed_out => 0,
            Some(at) => at.saturating_sub(self.now).max(1),
            None => MAX_TIMEOUT,
        };
        if wanted.abs_diff(state.timeout_remaining) < BLUR / 2 && (wanted == 0) == (state.timeout_remaining == 0) {
            return;
        }
        let ours = SerialState::timeout_nanos(state.divisor, state.lcr);
        if self.theirs.timer_at.is_none() && !self.theirs.timed_out && state.timeout_remaining > ours {
            // No timer runs at all after a break alone; what stands for "never" goes on standing for it.
            self.correct(|state| state.timeout_remaining = wanted);
            return;
        }
        let row = match op {
            Op::Break => SerialRows::BreakRestartsTimeout,
            _ if self.theirs.timer_at.is_none() => SerialRows::BreakRestartsTimeout,
            _ if self.theirs.default_line => SerialRows::TimeoutAfterReset,
            _ if state.divisor == 0 => SerialRows::DivisorZero,
            _ => SerialRows::OneAndAHalfStopBits,
        };
        let as_documented = match row {
            SerialRows::OneAndAHalfStopBits => state.lcr & 0x07 == 0x04 && state.timeout_remaining == ours,
            _ => state.timeout_remaining == ours || state.timeout_remaining == MAX_TIMEOUT,
        };
        self.row(row, as_documented);
        self.correct(|state| state.timeout_remaining = wanted);
    }

    fn is_blurred(&self, passed: u64) -> bool {
        let now = self.now + passed;
        self.theirs.timer_at.is_some_and(|at| at.abs_diff(now) < BLUR)
    }
}

/// The modem inputs: in loopback the outputs.
fn inputs(state: &SerialState) -> u8 {
    if state.mcr & spec::mcr::LOOP == 0 {
        return state.msr_lines;
    }
    let mcr = state.mcr;
    (mcr & spec::mcr::RTS) << 3 | (mcr & spec::mcr::DTR) << 5 | (mcr & (spec::mcr::OUT1 | spec::mcr::OUT2)) << 4
}

/// Four characters, as QEMU counts their bits and their length.
fn their_timeout(state: &SerialState, default_line: bool) -> u64 {
    if default_line {
        return 4 * 10 * (1_000_000_000 / 9_600);
    }
    let stop_bits = if state.lcr & spec::lcr::STOP_BITS == 0 { 1 } else { 2 };
    let parity = u64::from(state.lcr & spec::lcr::PARITY_ENABLE != 0);
    let bits = 1 + u64::from(state.lcr & spec::lcr::WORD_LENGTH) + 5 + parity + stop_bits;
    match state.divisor {
        0 => 4 * bits * 1_000_000_000 / 3_500,
        divisor => 4 * bits * 1_000_000_000 * u64::from(divisor) / 115_200,
    }
}
