//! Characters on their way out: holding register or FIFO, shift register, output.

use crate::device::Serial;
use crate::errors::CharacterErrors;
use crate::events::SerialEvents;
use crate::output::Output;
use crate::spec::ier;
use crate::state::Fifo;
use devstate_core::{Instant, InterruptLine};

impl<I: InterruptLine, W: Output, EV: SerialEvents> Serial<I, W, EV> {
    /// Offers the output what it did not take before, when the host learns that it is ready again; says how many
    /// characters it took.
    pub fn drain_output(&mut self, now: Instant) -> usize {
        self.catch_up(now);
        let waited = !self.state.tx.is_empty();
        let sent = self.drain(now);
        if waited && self.state.tx.is_empty() {
            self.thr_emptied();
        }
        sent
    }

    /// How many characters wait for the output, the one in the shift register included.
    #[must_use]
    pub fn output_pending(&self) -> usize {
        usize::from(self.state.tx.len) + usize::from(self.state.tsr.is_some())
    }

    /// A write to THR. The interrupt that asked for it is served, so the line may fall here and rise again when the
    /// character has left for the shift register, all within this access.
    #[inline]
    pub(crate) fn write_thr(&mut self, character: u8, now: Instant) {
        if self.state.thre_pending {
            self.state.thre_pending = false;
            self.update_line();
        }
        if self.state.tsr.is_some() || self.state.looped_back() {
            self.queue(character, now);
        } else if !self.send(character) {
            self.state.tsr = Some(character);
        }
        if self.state.tx.is_empty() {
            self.thr_emptied();
        }
    }

    #[inline(never)]
    fn queue(&mut self, character: u8, now: Instant) {
        if self.state.tsr.is_none() {
            self.state.tsr = Some(character);
        } else {
            self.hold(character);
        }
        self.drain(now);
    }

    /// Behind a stalled shift register. A holding register is overwritten; so is the oldest place of a full FIFO,
    /// about which the manual says nothing but that drivers must not.
    fn hold(&mut self, character: u8) {
        if self.state.tx.len >= self.state.capacity() {
            let _ = self.state.tx.pop();
            self.events.transmit_overwritten();
        }
        let _ = self.state.tx.push(character);
    }

    /// Sends what can be sent; at most the shift register and a full FIFO.
    pub(crate) fn drain(&mut self, now: Instant) -> usize {
        let mut sent = 0;
        while let Some(character) = self.state.tsr {
            if self.state.looped_back() {
                self.send_round(character, now);
            } else if !self.send(character) {
                break;
            }
            self.state.tsr = self.state.tx.pop();
            sent += 1;
        }
        sent
    }

    fn send_round(&mut self, character: u8, now: Instant) {
        let word = 0xff >> (8 - self.state.line_parameters().data_bits);
        self.take_in(character & word, CharacterErrors::NONE, now);
    }

    /// Whether the output took the character.
    #[inline]
    fn send(&mut self, character: u8) -> bool {
        match self.offer(character) {
            Ok(true) => {
                self.events.transmitted();
                return true;
            }
            Ok(false) => self.events.output_stalled(),
            Err(_) => self.events.output_failed(),
        }
        false
    }

    /// Never blocks: `write` is only called where the output says that it will not.
    #[inline]
    fn offer(&mut self, character: u8) -> Result<bool, W::Error> {
        Ok(self.output.write_ready()? && self.output.write(&[character])? != 0)
    }

    /// THR, or the last of the FIFO, has gone to the shift register.
    #[inline]
    fn thr_emptied(&mut self) {
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
