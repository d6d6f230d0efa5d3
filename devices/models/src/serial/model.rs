//! The chip once more, from the manual: characters in queues with their errors beside them, a timer that says what it is.

use super::outside::{Frame, Mode, Told};
use devstate_core::{Clock, Instant};
use devstate_serial_16550::{Fifo, SerialState};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(super) struct Model {
    divisor: u16,
    ier: u8,
    fcr: u8,
    lcr: u8,
    mcr: u8,
    scratch: u8,
    last_read: u8,
    /// Each with the errors that show when it comes to the front.
    received: VecDeque<(u8, u8)>,
    errors: u8,
    timer: Timer,
    /// When a rise that was served by a write is repeated, and how long it was to wait.
    repeat: Option<(u64, u64)>,
    /// The line was driven low and high again since somebody looked.
    pub(super) pulsed: bool,
    waiting: VecDeque<u8>,
    shifting: Option<u8>,
    thr_interrupt: bool,
    lines: u8,
    deltas: u8,
    /// How the output behaves.
    pub(super) mode: Mode,
    /// What the output took since somebody looked.
    pub(super) sent: Vec<u8>,
    /// The events since somebody looked.
    pub(super) told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Off,
    Until { at: u64, duration: u64 },
    Due,
}

impl Model {
    pub(super) fn of(state: &SerialState, now: u64, clock: Clock) -> Self {
        let mut told = Told::default();
        let timer = match state.timeout_remaining {
            0 if state.fcr & 1 == 1 && state.rx.len > 0 => Timer::Due,
            0 => Timer::Off,
            remaining => match remaining.saturating_sub(match clock {
                Clock::Wall => now.saturating_sub(state.saved_at.as_nanos()),
                Clock::Frozen => 0,
            }) {
                0 => {
                    told.timed_out += 1;
                    Timer::Due
                }
                left => Timer::Until {
                    at: now.saturating_add(left),
                    duration: left,
                },
            },
        };
        let received = state.rx.as_slice().iter().copied().zip(state.rx_errors);
        let mut model = Self {
            divisor: state.divisor,
            ier: state.ier,
            fcr: state.fcr,
            lcr: state.lcr,
            mcr: state.mcr,
            scratch: state.scr,
            last_read: state.rbr,
            received: received.collect(),
            errors: state.lsr_errors,
            timer,
            repeat: None,
            pulsed: false,
            waiting: state.tx.as_slice().iter().copied().collect(),
            shifting: state.tsr,
            thr_interrupt: state.thre_pending,
            lines: state.msr_lines,
            deltas: state.msr_deltas,
            mode: Mode::Ready,
            sent: Vec::new(),
            told,
        };
        model.told.ready += usize::from(model.room() > 0);
        model
    }

    /// The host put the chip into another state than it was in.
    pub(super) fn replaces(&mut self, before: &Self) {
        self.told.transmit_discarded += before.pending();
        self.told.receive_discarded += before.received.len();
        self.note_outputs(before);
    }

    fn pending(&self) -> usize {
        self.waiting.len() + usize::from(self.shifting.is_some())
    }

    pub(super) fn state(&self, now: u64) -> SerialState {
        let mut rx_errors = [0; 16];
        for (place, (_, errors)) in rx_errors.iter_mut().zip(&self.received).skip(1) {
            *place = *errors;
        }
        SerialState {
            divisor: self.divisor,
            ier: self.ier,
            fcr: self.fcr,
            lcr: self.lcr,
            mcr: self.mcr,
            scr: self.scratch,
            rbr: self.last_read,
            rx: fifo(self.received.iter().map(|(character, _)| *character)),
            rx_errors,
            lsr_errors: self.errors,
            timeout_remaining: match self.timer {
                Timer::Off | Timer::Due => 0,
                Timer::Until { at, duration } => at.saturating_sub(now).min(duration),
            },
            tx: fifo(self.waiting.iter().copied()),
            tsr: self.shifting,
            thre_pending: self.thr_interrupt,
            msr_lines: self.lines,
            msr_deltas: self.deltas,
            saved_at: Instant::from_nanos(now),
        }
    }

    pub(super) fn level(&self) -> bool {
        self.interrupt_id() & 1 == 0
    }

    /// The interrupt is pending for nothing but the transmitter, and a write to the first register serves it.
    pub(super) fn only_wants_a_character(&self) -> bool {
        let served = Self {
            thr_interrupt: false,
            ..self.clone()
        };
        self.lcr & 0x80 == 0 && self.level() && !served.level()
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        let timeout = match self.timer {
            Timer::Until { at, .. } => Some(at),
            Timer::Off | Timer::Due => None,
        };
        let repeat = self.repeat.map(|(at, _)| at);
        timeout.into_iter().chain(repeat).min()
    }

    /// What the guest drives: outputs, break, frame.
    fn drives(&self) -> (u8, bool, Frame) {
        let frame = Frame {
            divisor: self.divisor,
            word: 5 + self.lcr % 4,
            parity: (self.lcr & 8 != 0).then_some(self.lcr >> 4 & 3),
            stop_halves: match self.lcr & 7 {
                0..4 => 2,
                4 => 3,
                _ => 4,
            },
        };
        if self.loops() {
            (0, false, frame)
        } else {
            (self.mcr & 0x0f, self.lcr & 0x40 != 0, frame)
        }
    }

    fn note_outputs(&mut self, before: &Self) {
        let ((outputs, breaks, frame), was) = (self.drives(), before.drives());
        self.told.outputs.extend((outputs != was.0).then_some(outputs));
        self.told.breaks.extend((breaks != was.1).then_some(breaks));
        self.told.frames.extend((frame != was.2).then_some(frame));
    }

    /// A host that was refused hears of room that no read has made.
    fn note_room(&mut self, before: &Self) {
        let emptied = !before.received.is_empty() && self.received.is_empty();
        self.told.ready += usize::from(self.room() > 0 && (emptied || self.room() > before.room()));
    }

    fn room(&self) -> usize {
        if self.loops() {
            0
        } else {
            self.capacity() - self.received.len()
        }
    }

    pub(super) fn catch_up(&mut self, now: u64) {
        if let Timer::Until { at, duration } = self.timer {
            if at <= now {
                self.timer = Timer::Due;
                self.told.timed_out += 1;
            } else if at - now > duration {
                self.timer = Timer::Until {
                    at: now.saturating_add(duration),
                    duration,
                };
            }
        }
        if let Some((at, wait)) = self.repeat {
            if at <= now {
                self.repeat = None;
                let served = Self {
                    thr_interrupt: false,
                    ..self.clone()
                };
                self.pulsed |= self.level() && !served.level();
            } else if at - now > wait {
                self.repeat = Some((now.saturating_add(wait), wait));
            }
        }
    }

    /// Every source by its priority: its id, whether it is enabled, whether it is pending (PC16550D, Table IV).
    fn interrupt_id(&self) -> u8 {
        let trigger = [1, 4, 8, 14][usize::from(self.fcr >> 6)];
        let sources = [
            (0x06, 0x04, self.errors != 0),
            (0x0c, 0x01, self.timer == Timer::Due),
            (0x04, 0x01, self.received.len() >= trigger),
            (0x02, 0x02, self.thr_interrupt),
            (0x00, 0x08, self.deltas != 0),
        ];
        let pending = sources
            .iter()
            .find(|(_, enable, pending)| *pending && self.ier & enable != 0);
        pending.map_or(0x01, |(id, _, _)| *id)
    }

    const fn fifos_on(&self) -> bool {
        self.fcr & 1 == 1
    }

    const fn capacity(&self) -> usize {
        if self.fifos_on() { 16 } else { 1 }
    }

    const fn loops(&self) -> bool {
        self.mcr & 0x10 != 0
    }

    pub(super) fn read(&mut self, offset: u16, now: u64) -> u8 {
        match (offset, self.lcr & 0x80 != 0) {
            (0, true) => self.divisor as u8,
            (1, true) => (self.divisor >> 8) as u8,
            (0, false) => self.take_character(now),
            (1, false) => self.ier,
            (2, _) => {
                let id = self.interrupt_id();
                if id == 0x02 {
                    self.thr_interrupt = false;
                    self.repeat = None;
                }
                id | if self.fifos_on() { 0xc0 } else { 0 }
            }
            (3, _) => self.lcr,
            (4, _) => self.mcr,
            (5, _) => {
                let hidden = self.received.iter().skip(1).any(|(_, errors)| *errors != 0);
                let bits = [
                    (0x01, !self.received.is_empty()),
                    (0x20, self.waiting.is_empty()),
                    (0x40, self.shifting.is_none()),
                    (0x80, self.fifos_on() && (hidden || self.errors & 0x1c != 0)),
                ];
                let set = bits.iter().filter(|(_, set)| *set).map(|(bit, _)| bit).sum::<u8>();
                set | std::mem::take(&mut self.errors)
            }
            (6, _) => self.inputs() | std::mem::take(&mut self.deltas),
            (7, _) => self.scratch,
            _ => {
                self.told.invalid_reads.push(offset);
                0xff
            }
        }
    }

    fn take_character(&mut self, now: u64) -> u8 {
        let Some((character, _)) = self.received.pop_front() else {
            return if self.fifos_on() { 0 } else { self.last_read };
        };
        if !self.fifos_on() {
            self.last_read = character;
        }
        match self.received.front() {
            Some((_, errors)) => {
                self.errors |= errors;
                self.start_timer(now);
            }
            None => {
                self.timer = Timer::Off;
                self.told.ready += usize::from(self.room() > 0);
            }
        }
        character
    }

    pub(super) fn write(&mut self, offset: u16, value: u8, now: u64) {
        let before = self.clone();
        self.change(offset, value, now);
        self.note_outputs(&before);
        if matches!(offset, 2 | 4) {
            self.note_room(&before);
        }
    }

    fn change(&mut self, offset: u16, value: u8, now: u64) {
        match (offset, self.lcr & 0x80 != 0) {
            (0, true) => self.divisor = self.divisor & 0xff00 | u16::from(value),
            (1, true) => self.divisor = self.divisor & 0x00ff | u16::from(value) << 8,
            (0, false) => self.transmit(value, now),
            (1, false) => {
                let turned_on = value & !self.ier & 2 != 0;
                if (value ^ self.ier) & 2 != 0 {
                    self.repeat = None;
                }
                self.ier = value % 16;
                self.thr_interrupt &= value & 2 != 0;
                self.thr_interrupt |= turned_on && self.waiting.is_empty();
            }
            (2, _) => self.control_fifos(value),
            (3, _) => self.lcr = value,
            (4, _) => {
                let before = self.inputs();
                self.mcr = value % 32;
                self.inputs_changed(before);
                if self.loops() {
                    self.drain_output(now);
                }
            }
            (7, _) => self.scratch = value,
            _ => self.told.invalid_writes.push((offset, value)),
        }
    }

    fn control_fifos(&mut self, value: u8) {
        let on = value & 1 == 1;
        let switched = on != self.fifos_on();
        if switched || on && value & 2 != 0 {
            self.clear_received();
        }
        if switched || on && value & 4 != 0 {
            self.told.transmit_discarded += self.waiting.len();
            self.waiting.clear();
            self.thr_interrupt |= self.ier & 2 != 0;
        }
        self.fcr = if on { value & 0xc9 } else { 0 };
    }

    fn clear_received(&mut self) {
        self.told.receive_discarded += self.received.len();
        if let Some((character, _)) = self.received.front()
            && !self.fifos_on()
        {
            self.last_read = *character;
        }
        self.received.clear();
        self.errors &= 0x02;
        self.timer = Timer::Off;
    }

    fn transmit(&mut self, character: u8, now: u64) {
        let was_pending = self.thr_interrupt;
        if self.shifting.is_none() {
            self.shifting = Some(character);
        } else if self.waiting.len() < self.capacity() {
            self.waiting.push_back(character);
        } else {
            self.told.transmit_overrun += 1;
            if !self.fifos_on() {
                self.waiting = [character].into();
            }
        }
        self.drain(now);
        if self.ier & 2 != 0 {
            self.thr_interrupt = self.waiting.is_empty();
            let wait = self.characters(1);
            self.repeat = (was_pending && self.thr_interrupt).then(|| (now.saturating_add(wait), wait));
        }
    }

    pub(super) fn drain_output(&mut self, now: u64) -> usize {
        let waited = !self.waiting.is_empty();
        let sent = self.drain(now);
        self.thr_interrupt |= waited && self.waiting.is_empty() && self.ier & 2 != 0;
        sent
    }

    fn drain(&mut self, now: u64) -> usize {
        let mut sent = 0;
        while let Some(character) = self.shifting {
            if self.loops() {
                let word = (1_u32 << (5 + self.lcr % 4)) - 1;
                self.arrive(character & word as u8, 0, now);
            } else {
                match self.mode {
                    Mode::Ready => {
                        self.sent.push(character);
                        self.told.transmitted += 1;
                    }
                    Mode::Busy | Mode::TakesNothing => {
                        self.told.stalled += 1;
                        break;
                    }
                    Mode::FailsToSay | Mode::FailsToWrite => {
                        self.told.failed += 1;
                        break;
                    }
                }
            }
            self.shifting = self.waiting.pop_front();
            sent += 1;
        }
        sent
    }

    pub(super) fn receive(&mut self, characters: &[u8], now: u64) -> usize {
        let room = self.capacity() - self.received.len();
        let taken = if self.loops() { 0 } else { room.min(characters.len()) };
        for character in &characters[..taken] {
            self.arrive(*character, 0, now);
        }
        taken
    }

    pub(super) fn receive_character(&mut self, character: u8, errors: u8, now: u64) {
        if self.loops() {
            self.told.disconnected += 1;
        } else {
            self.arrive(if errors & 0x10 == 0 { character } else { 0 }, errors, now);
        }
    }

    fn arrive(&mut self, character: u8, errors: u8, now: u64) {
        self.told.received += 1;
        self.told.with_errors += usize::from(errors != 0);
        if self.received.len() == self.capacity() {
            self.told.overrun += 1;
            self.errors |= 0x02;
            if !self.fifos_on() {
                self.received = [(character, errors)].into();
                self.errors |= errors;
            }
        } else {
            if self.received.is_empty() {
                self.errors |= errors;
            }
            self.received.push_back((character, errors));
        }
        if self.fifos_on() && self.timer != Timer::Due {
            self.start_timer(now);
        }
    }

    /// Nanoseconds: a start bit, the word, parity, one, one and a half or two stop bits each.
    fn characters(&self, count: u128) -> u64 {
        let word = 5 + u128::from(self.lcr % 4);
        let parity = u128::from(self.lcr >> 3 & 1);
        let stop_halves = match (self.lcr & 4 != 0, word) {
            (false, _) => 2,
            (true, 5) => 3,
            (true, _) => 4,
        };
        let halves = 2 * (1 + word + parity) + stop_halves;
        let divisor = if self.divisor == 0 {
            65_536
        } else {
            u128::from(self.divisor)
        };
        (count * halves * 8 * divisor * 1_000_000_000).div_ceil(1_843_200) as u64
    }

    fn start_timer(&mut self, now: u64) {
        let duration = self.characters(4);
        self.timer = Timer::Until {
            at: now.saturating_add(duration),
            duration,
        };
    }

    pub(super) fn set_lines(&mut self, lines: u8) {
        let before = self.inputs();
        self.lines = lines;
        self.inputs_changed(before);
    }

    /// DCD, RI, DSR, CTS from bit 7: the wires, or OUT2, OUT1, DTR, RTS.
    const fn inputs(&self) -> u8 {
        if !self.loops() {
            return self.lines;
        }
        let [dtr, rts, out_1, out_2] = [self.mcr & 1, self.mcr >> 1 & 1, self.mcr >> 2 & 1, self.mcr >> 3 & 1];
        rts << 4 | dtr << 5 | out_1 << 6 | out_2 << 7
    }

    fn inputs_changed(&mut self, before: u8) {
        let after = self.inputs();
        for (input, delta) in [(0x10, 0x01), (0x20, 0x02), (0x80, 0x08)] {
            if (before ^ after) & input != 0 {
                self.deltas |= delta;
            }
        }
        if before & 0x40 != 0 && after & 0x40 == 0 {
            self.deltas |= 0x04;
        }
    }

    pub(super) fn reset(&mut self) {
        let before = self.clone();
        self.told.transmit_discarded += self.pending();
        self.clear_received();
        self.waiting.clear();
        self.shifting = None;
        (self.ier, self.fcr, self.lcr, self.mcr) = (0, 0, 0, 0);
        (self.errors, self.deltas, self.thr_interrupt) = (0, 0, false);
        self.repeat = None;
        self.note_outputs(&before);
        self.note_room(&before);
    }
}

fn fifo(characters: impl ExactSizeIterator<Item = u8>) -> Fifo {
    let mut fifo = Fifo::EMPTY;
    fifo.len = characters.len() as u8;
    for (place, character) in fifo.bytes.iter_mut().zip(characters) {
        *place = character;
    }
    fifo
}
