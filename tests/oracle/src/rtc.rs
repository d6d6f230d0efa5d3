//! The PL031 beside that of QEMU's `-M virt`.

mod travel;

use super::lines::{Line, Lines};
use super::qemu::{Machine, Outcome, Qemu};
use super::rows::{Tally, rows};
use super::saves::Saves;
use super::subject::{self, Stimulus};
use crate::script::rtc::{self as script, Op};
use anyhow::{Result, ensure};
use devstate_core::{Clock, Instant, WordRegisters};
use devstate_rtc_pl031::{NoEvents, Rtc, RtcState, spec};
use devstate_rtc_pl031_ser::RtcStateSer;
use proptest::strategy::BoxedStrategy;

rows! {
    /// Rows of `devices/rtc-pl031/DIFFERENCES.md`.
    RtcRows {
        Revision = "revision",
        StoppedAtReset = "stopped-at-reset",
        AlarmPhase = "alarm-phase",
        Resets = "resets",
        OffRegisterReads = "off-register-reads",
        NarrowWrites = "narrow-writes",
    }
    beyond {
        "acknowledged-before-save": "QEMU's own save and load, which scripts do not use",
        "due-while-saved": "QEMU's own save and load, which scripts do not use",
    }
}

const BASE: u64 = 0x0901_0000;
const LINE: u16 = 2;

/// Where the guest shows how far time has come, in ticks of the processor's counter.
const MAILBOX: &str = "readq 0x40300000";
const TICK_NS: u64 = 16;

/// The guest's loop takes 260 µs: moments closer than this cannot be told apart.
const BLUR: u64 = 1_000_000;

const SECOND: u64 = spec::TICK_NS;

pub(crate) struct Subject {
    device: Rtc<Line>,
    lines: Lines,
    now: u64,
    /// When QEMU's alarm goes off: whole seconds after it was set.
    their_alarm: Option<u64>,
    tally: Tally,
}

impl subject::Subject for Subject {
    type Op = Op;
    const FOLDER: &'static str = "rtc-pl031";
    const ROWS: &'static [&'static str] = RtcRows::NAMES;
    const BEYOND: &'static [(&'static str, &'static str)] = RtcRows::BEYOND;

    /// The guest shows the time in memory while it runs: a microsecond an instruction.
    fn machine() -> Machine {
        // mov x0, #0x40300000
        // 1: mov x2, #128; 2: subs x2, x2, #1; b.ne 2b; mrs x1, cntvct_el0; str x1, [x0]; b 1b
        let code = [
            0xd2a8_0600_u32,
            0xd280_1002,
            0xf100_0442,
            0x54ff_ffe1,
            0xd53b_e041,
            0xf900_0001,
            0x17ff_fffb,
        ];
        Machine {
            program: "qemu-system-aarch64",
            arguments: "-M virt -cpu cortex-a53 -m 16 -accel tcg -icount shift=10,sleep=off \
                        -rtc base=2026-01-02T03:04:06,clock=vm \
                        -device loader,file={dir}/guest,addr=0x40200000,force-raw=on \
                        -device loader,addr=0x40200000,cpu-num=0"
                .to_owned(),
            files: vec![("guest", code.iter().flat_map(|word| word.to_le_bytes()).collect())],
            interrupt_controller: Some("arm_gic"),
            ..Machine::default()
        }
    }

    fn scripts(length: usize) -> BoxedStrategy<Vec<Op>> {
        script::scripts(length)
    }

    /// QEMU's survives every reset, so the registers are set one by one.
    fn begin(number: u64, qemu: &mut Qemu) -> Result<(Self, Vec<Stimulus>)> {
        let now = qemu.peek(MAILBOX)? * TICK_NS;
        let counter = 0x6955_0000 + number as u32;
        let mr = counter - 1;
        let state = RtcState {
            counter,
            sub_second_ns: (now % SECOND) as u32,
            lr: counter,
            mr,
            enabled: true,
            imsc: false,
            ris: false,
            saved_at: Instant::from_nanos(now),
        };
        let lines = Lines::default();
        let subject = Self {
            device: Rtc::from_state(
                &state,
                lines.line(LINE),
                NoEvents,
                Instant::from_nanos(now),
                Clock::Frozen,
            )?,
            lines,
            now,
            their_alarm: Some(now + u64::from(u32::MAX) * SECOND),
            tally: Tally::new(Self::ROWS),
        };
        let write = |register, value| Stimulus::Access(format!("writel {:#x} {value:#x}", BASE + register));
        let stimuli = vec![write(0x10, 0), write(0x08, counter), write(0x04, mr), write(0x1c, 1)];
        Ok((subject, stimuli))
    }

    fn step(&mut self, op: &Op) -> (Stimulus, Outcome) {
        let mut value = None;
        let stimulus = match op {
            Op::Read(register) => {
                value = Some(self.read(*register).into());
                access("readl", *register)
            }
            Op::Write(register, value) => self.write(*register, *value),
            Op::SetAlarm(seconds) => {
                let now = self.state().counter;
                self.write(spec::RTCMR, now.wrapping_add(*seconds))
            }
            Op::ReadNarrow(address, width) => {
                value = Some(self.read_narrow(*address, *width));
                access(if *width == 1 { "readb" } else { "readw" }, *address)
            }
            Op::WriteNarrow(address, width, value) => self.write_narrow(*address, *width, *value),
            Op::Elapse(about) => Stimulus::Elapse(*about),
            Op::Reset => {
                self.reset();
                Stimulus::Reset
            }
        };
        (stimulus, self.lines.outcome(value))
    }

    fn elapse(&self, qemu: &mut Qemu, about: u64) -> Result<u64> {
        let mut passed = 0;
        while passed < about || self.is_blurred(passed) {
            let goal = self.now + passed.max(about);
            qemu.run_until(|qemu| Ok(qemu.peek(MAILBOX)? * TICK_NS > goal))?;
            passed = qemu.peek(MAILBOX)? * TICK_NS - self.now;
            ensure!(passed < 1_000 * SECOND, "time runs away");
        }
        Ok(passed)
    }

    fn elapsed(&mut self, nanoseconds: u64) -> Outcome {
        let before = self.state();
        self.now += nanoseconds;
        self.device.advance(Instant::from_nanos(self.now));
        let theirs = before.ris || self.their_alarm.is_some_and(|at| at <= self.now);
        self.their_alarm = self.their_alarm.filter(|at| *at > self.now);
        let ours = self.state().ris;
        if ours != theirs {
            let to_match = u64::from(before.mr.wrapping_sub(before.counter).wrapping_sub(1)) + 1;
            let ticks = (u64::from(before.sub_second_ns) + nanoseconds) / SECOND;
            self.row(RtcRows::AlarmPhase, ours == (before.ris || ticks >= to_match));
            self.correct(|state| state.ris = theirs);
        }
        self.lines.outcome(Some(nanoseconds))
    }

    fn save_and_restore(&mut self, saves: &mut Saves) -> Result<()> {
        let state = RtcState::try_from(&saves.through_bytes(RtcStateSer::new(&self.state()))?)?;
        self.device = Rtc::from_state(
            &state,
            self.lines.line(LINE),
            NoEvents,
            Instant::from_nanos(self.now),
            Clock::Frozen,
        )?;
        Ok(())
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn lines(_: u64) -> Vec<u16> {
        vec![LINE]
    }
}

fn access(command: &str, register: u16) -> Stimulus {
    Stimulus::Access(format!("{command} {:#x}", BASE + u64::from(register)))
}

impl Subject {
    fn state(&self) -> RtcState {
        self.device.state(Instant::from_nanos(self.now))
    }

    /// Puts our device into the state that QEMU's is in.
    fn correct(&mut self, change: impl FnOnce(&mut RtcState)) {
        let mut state = self.state();
        change(&mut state);
        let (device, now) = (&mut self.device, Instant::from_nanos(self.now));
        self.lines.correct(|| device.restore(&state, now, Clock::Frozen));
    }

    fn row(&mut self, row: RtcRows, as_documented: bool) {
        self.tally.occurs(row as usize, as_documented);
    }

    fn read(&mut self, register: u16) -> u32 {
        let value = self.device.read(register, Instant::from_nanos(self.now));
        if register == 0xfe8 {
            self.row(RtcRows::Revision, value == 0x04);
            return 0x14;
        }
        value
    }

    fn write(&mut self, register: u16, value: u32) -> Stimulus {
        self.device.write(register, value, Instant::from_nanos(self.now));
        self.wrote(register);
        Stimulus::Access(format!("writel {:#x} {value:#x}", BASE + u64::from(register)))
    }

    fn wrote(&mut self, register: u16) {
        if register == spec::RTCMR || register == spec::RTCLR {
            let state = self.state();
            let ticks = u64::from(state.mr.wrapping_sub(state.counter));
            self.their_alarm = (ticks != 0).then_some(self.now + ticks * SECOND);
        }
    }

    fn read_narrow(&mut self, address: u16, width: u8) -> u64 {
        let mut data = [0; 8];
        let now = self.now;
        let device = &mut self.device;
        WordRegisters.read(address.into(), &mut data[..width.into()], |at| {
            device.read(at, Instant::from_nanos(now))
        });
        let ours = u64::from_le_bytes(data);
        let word = device.read(address & !3, Instant::from_nanos(now));
        // QEMU's identification is there at every byte, its other registers at their first byte only.
        let theirs = match address {
            0xfe8..=0xfeb => 0x14,
            0xfe0.. => word,
            _ if address.is_multiple_of(4) => word,
            _ => 0,
        };
        let theirs = u64::from(theirs) & ((1 << (8 * width)) - 1);
        if ours != theirs {
            let lanes = u64::from(word) >> (8 * (address % 4)) & ((1 << (8 * width)) - 1);
            if address == 0xfe8 {
                self.row(RtcRows::Revision, ours == lanes);
            } else {
                self.row(RtcRows::OffRegisterReads, ours == lanes);
            }
        }
        theirs
    }

    fn write_narrow(&mut self, address: u16, width: u8, value: u16) -> Stimulus {
        let value = if width == 1 { value & 0xff } else { value };
        let before = self.state();
        let (device, now) = (&mut self.device, self.now);
        let data = value.to_le_bytes();
        let reached = WordRegisters.write(address.into(), &data[..width.into()], |at, value| {
            device.write(at, value, Instant::from_nanos(now));
        });
        let ignored = !reached && self.state() == before;
        self.device.write(address, value.into(), Instant::from_nanos(now));
        self.wrote(address);
        if self.state() != before || !ignored {
            self.row(RtcRows::NarrowWrites, ignored);
        }
        let command = if width == 1 { "writeb" } else { "writew" };
        Stimulus::Access(format!("{command} {:#x} {value:#x}", BASE + u64::from(address)))
    }

    fn reset(&mut self) {
        let before = self.state();
        self.device.reset(Instant::from_nanos(self.now));
        let after = self.state();
        let reset = RtcState {
            saved_at: Instant::from_nanos(self.now),
            ..RtcState::RESET
        };
        self.row(RtcRows::Resets, after == reset);
        self.row(RtcRows::StoppedAtReset, !after.enabled);
        self.correct(|state| *state = before);
    }

    fn is_blurred(&self, passed: u64) -> bool {
        let now = self.now + passed;
        let past_tick = now % SECOND;
        past_tick.min(SECOND - past_tick) < BLUR || self.their_alarm.is_some_and(|at| at.abs_diff(now) < BLUR)
    }
}
