//! Transmitted characters: holding register or FIFO, shift register, output.

use devstate_core::{Instant, InterruptLine};

use crate::config::OutputPolicy;
use crate::deadlines::Deadline;
use crate::device::Serial;
use crate::errors::CharacterErrors;
use crate::events::SerialEvents;
use crate::output::Output;
use crate::service::Service;
use crate::spec::ier;
use crate::state::{Fifo, SerialState};

/// What became of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Sent,
    Discarded,
    Waits,
}

impl<I: InterruptLine, W: Output, EV: SerialEvents> Serial<I, W, EV> {
    /// Offers the waiting characters to the output, and returns the number of characters that it took.
    ///
    /// Call it when the output is ready again.
    pub fn drain_output(&mut self, now: Instant) -> usize {
        // The same as this call would do, uncounted.
        self.timers.give_up = None;
        self.catch_up(now);
        self.offer_again(now)
    }

    /// Returns the number of characters that wait for the output, including the one in the shift register.
    #[must_use]
    pub fn output_pending(&self) -> usize {
        usize::from(self.state.tx.len) + usize::from(self.state.tsr.is_some())
    }

    pub(crate) fn offer_again(&mut self, now: Instant) -> usize {
        let waited = !self.state.tx.is_empty();
        self.timers.give_up = None;
        let sent = self.drain(now);
        if waited && self.state.tx.is_empty() {
            self.thr_emptied();
        }
        self.refresh();
        self.watch(now);
        sent
    }

    /// A write to THR serves the interrupt that asked for it. The character leaves within the write, so that THR is empty
    /// and the interrupt pending again: the level stays.
    pub(crate) fn write_thr(&mut self, character: u8, now: Instant) {
        if self.state.tsr.is_some() || self.state.looped_back() {
            self.queue(character, now);
            self.refresh();
            self.written(now);
        } else {
            self.write_thr_at_once(character, now);
        }
    }

    /// A write to THR while nothing is in its way.
    #[inline]
    pub(crate) fn write_thr_at_once(&mut self, character: u8, now: Instant) {
        if self.send(character, now) == Fate::Waits {
            self.state.tsr = Some(character);
            self.refresh();
        }
        self.written(now);
    }

    #[inline]
    fn written(&mut self, now: Instant) {
        if self.state.ier & ier::THR_EMPTY != 0 {
            self.written_with_interrupt(now);
        }
    }

    fn queue(&mut self, character: u8, now: Instant) {
        if self.state.tsr.is_none() {
            self.state.tsr = Some(character);
        } else {
            self.hold(character);
        }
        self.drain(now);
    }

    /// Holds a character behind a stalled shift register. The holding register of 16450 mode is overwritten. A full FIFO
    /// keeps what it has, so that the characters that are sent stay in order.
    fn hold(&mut self, character: u8) {
        if self.state.tx.len >= self.state.capacity() {
            self.events.transmit_overrun();
            if self.state.fifo_enabled() {
                return;
            }
            self.state.tx = Fifo::EMPTY;
        }
        let _ = self.state.tx.push(character);
    }

    /// Sends what can be sent; at most the shift register and a full FIFO. Returns how many characters the output took.
    pub(crate) fn drain(&mut self, now: Instant) -> usize {
        let mut sent = 0;
        while let Some(character) = self.state.tsr {
            let fate = if self.state.looped_back() {
                self.send_round(character, now);
                Fate::Sent
            } else {
                self.send(character, now)
            };
            match fate {
                Fate::Sent => sent += 1,
                Fate::Discarded => {}
                Fate::Waits => break,
            }
            self.state.tsr = self.state.tx.pop();
        }
        sent
    }

    fn send_round(&mut self, character: u8, now: Instant) {
        let word = 0xff >> (8 - SerialState::data_bits(self.state.lcr));
        self.take_in(character & word, CharacterErrors::NONE, now);
    }

    #[inline]
    fn send(&mut self, character: u8, now: Instant) -> Fate {
        match self.offer(character) {
            Ok(true) => {
                self.transmit.stalled_since = None;
                self.events.transmitted();
                Fate::Sent
            }
            Ok(false) => {
                self.events.output_stalled();
                self.refused(self.config.stalled_output, now)
            }
            Err(_) => {
                self.events.output_failed();
                self.refused(self.config.failed_output, now)
            }
        }
    }

    /// Never blocks: `write` is only called where the output says that it will not.
    #[inline]
    fn offer(&mut self, character: u8) -> Result<bool, W::Error> {
        Ok(self.output.write_ready()? && self.output.write(&[character])? != 0)
    }

    #[cold]
    fn refused(&mut self, policy: OutputPolicy, now: Instant) -> Fate {
        let since = match self.transmit.stalled_since {
            // Later than now: the clock was set back.
            Some(since) if since <= now => since,
            _ => now,
        };
        self.transmit.stalled_since = Some(since);
        let deadline = match policy {
            OutputPolicy::Keep => return Fate::Waits,
            OutputPolicy::Discard => now,
            OutputPolicy::DiscardAfter(patience) => since.saturating_add(patience),
        };
        if deadline <= now {
            self.events.output_discarded(1);
            return Fate::Discarded;
        }
        self.timers.give_up = Some(Deadline::after(deadline.saturating_nanos_since(now), now));
        self.watch(now);
        Fate::Waits
    }

    /// A write to THR while its interrupt is enabled. The interrupt is pending again if THR is empty.
    #[inline(never)]
    fn written_with_interrupt(&mut self, now: Instant) {
        let was_pending = self.state.thre_pending;
        self.state.thre_pending = self.state.tx.is_empty();
        if !was_pending || !self.state.thre_pending {
            self.timers.repeat = None;
            if self.state.thre_pending {
                self.transmit.signalled();
            }
            self.update_line();
        } else if self.config.timer {
            self.timers.repeat = Some(Deadline::after(self.timers.character_ns, now));
            self.watch(now);
        } else if self.transmit.service != Service::Signalled && self.repeat_rise() {
            self.transmit.signalled();
        }
    }

    /// Makes a rise of a level that is high for the THR-empty interrupt alone: an edge-triggered interrupt controller
    /// would not see that the interrupt was served and is pending again. Returns whether there was a rise.
    pub(crate) fn repeat_rise(&mut self) -> bool {
        let served = SerialState {
            thre_pending: false,
            ..self.state
        };
        let alone = self.state.thre_pending && !served.interrupt_level();
        if alone {
            self.pulse_line();
        }
        alone
    }

    /// THR, or the last of the FIFO, has gone to the shift register.
    #[inline]
    pub(crate) fn thr_emptied(&mut self) {
        if self.state.ier & ier::THR_EMPTY != 0 {
            self.state.thre_pending = true;
            self.raise_line();
        }
    }

    /// Forgets what waits for the shift register; that itself goes on (section 8.5, bit 2).
    pub(crate) fn clear_transmitter(&mut self) {
        if !self.state.tx.is_empty() {
            self.events.transmit_discarded(self.state.tx.len.into());
        }
        self.state.tx = Fifo::EMPTY;
        self.thr_emptied();
    }
}
