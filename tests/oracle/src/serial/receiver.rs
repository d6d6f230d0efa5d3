//! What comes in from outside.

use super::{SerialRows, Subject};
use crate::subject::Stimulus;
use devstate_core::Instant;
use devstate_serial_16550::{SerialState, spec};

impl Subject {
    /// Our device takes nothing from outside in loopback, QEMU's does.
    fn with_the_receiver_connected(&mut self, receive: impl FnOnce(&mut Self)) {
        let mcr = self.state().mcr;
        self.correct(|state| state.mcr &= !spec::mcr::LOOP);
        receive(self);
        self.correct(|state| state.mcr = mcr);
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Stimulus {
        let before = self.state();
        let free = if before.fcr == 0 {
            1 - before.rx.len
        } else {
            16 - before.rx.len
        };
        let trigger = match (before.fcr, before.fcr >> 6) {
            (0, _) | (_, 0) => 1,
            (_, 1) => 4,
            (_, 2) => 8,
            _ => 14,
        };
        // QEMU's takes characters one by one once the FIFO has passed the trigger level, by breaks or in loopback.
        let theirs = if before.rx.len > trigger {
            free
        } else {
            (trigger - before.rx.len).min(free)
        };
        let wanted = bytes.len().min(theirs.into());
        let taken = &bytes[..wanted];
        if before.mcr & spec::mcr::LOOP != 0 {
            let ours = self.device.receive(bytes, Instant::from_nanos(self.now));
            if wanted != 0 {
                self.row(SerialRows::LoopbackInput, ours == 0);
                self.with_the_receiver_connected(|subject| {
                    let _ = subject.device.receive(taken, Instant::from_nanos(subject.now));
                });
            }
        } else {
            let ours = self.device.receive_capacity();
            if bytes.len().min(ours) > wanted {
                self.row(SerialRows::ReceiveUpToTheFifo, ours == usize::from(free));
            }
            let _ = self.device.receive(taken, Instant::from_nanos(self.now));
        }
        if taken.is_empty() {
            return Stimulus::Nothing;
        }
        if before.fcr != 0 {
            self.start_their_timer();
        }
        Stimulus::Input {
            index: self.port,
            bytes: taken.to_vec(),
            rounds: wanted,
        }
    }

    pub(super) fn receive_break(&mut self) {
        let before = self.state();
        if before.mcr & spec::mcr::LOOP == 0 {
            self.device.receive_break(Instant::from_nanos(self.now));
        } else {
            self.device.receive_break(Instant::from_nanos(self.now));
            self.row(SerialRows::LoopbackInput, self.state() == before);
            self.with_the_receiver_connected(|subject| subject.device.receive_break(Instant::from_nanos(subject.now)));
        }
        let after = self.state();
        if before.fcr == 0 {
            self.broke_in_16450_mode(&before, &after);
        } else {
            self.broke_in_fifo_mode(&before, &after);
        }
    }

    fn broke_in_fifo_mode(&mut self, before: &SerialState, after: &SerialState) {
        let mut wanted = *after;
        wanted.lsr_errors |= spec::lsr::BREAK;
        wanted.rx_errors = [0; spec::FIFO_LEN];
        if wanted != *after {
            let place = usize::from(before.rx.len);
            let errors = match after.rx_errors.get(place) {
                None => after.lsr_errors & spec::lsr::OVERRUN,
                Some(errors) if after.rx.bytes[place] == 0 => *errors,
                Some(_) => 0,
            };
            self.row(SerialRows::BreakWithItsCharacter, place != 0 && errors != 0);
        }
        if after.rbr != 0 {
            self.row(SerialRows::BreakIn16450Mode, after.rbr == before.rbr);
            wanted.rbr = 0;
        }
        self.put_into(after, &wanted);
    }

    fn broke_in_16450_mode(&mut self, before: &SerialState, after: &SerialState) {
        let overrun = self.theirs.hidden_breaks == spec::FIFO_LEN as u8;
        if !overrun {
            self.theirs.hidden_breaks += 1;
        }
        let errors = before.lsr_errors & spec::lsr::OVERRUN | if overrun { spec::lsr::OVERRUN } else { 0 };
        let mut wanted = *after;
        wanted.lsr_errors = after.lsr_errors & !spec::lsr::OVERRUN | errors;
        if wanted != *after {
            let overrun = before.rx.len != 0 || before.lsr_errors & spec::lsr::OVERRUN != 0;
            let ours = spec::lsr::BREAK | if overrun { spec::lsr::OVERRUN } else { 0 };
            let is_the_character = after.rx.as_slice() == [0] && after.lsr_errors & ours == ours;
            self.row(SerialRows::BreakIn16450Mode, is_the_character);
        }
        self.put_into(after, &wanted);
    }

    fn put_into(&mut self, after: &SerialState, wanted: &SerialState) {
        if wanted != after {
            self.correct(|state| *state = *wanted);
        }
    }
}
