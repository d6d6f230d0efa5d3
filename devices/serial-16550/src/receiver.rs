//! Characters on their way in: from the host or looped back, to the guest.

use crate::device::Serial;
use crate::errors::CharacterErrors;
use crate::events::SerialEvents;
use crate::line::four_characters_time;
use crate::output::Output;
use crate::spec::{FIFO_LEN, lsr};
use crate::state::Fifo;
use devstate_core::{Instant, InterruptLine};

impl<I: InterruptLine, W: Output, EV: SerialEvents> Serial<I, W, EV> {
    /// How many characters [`receive`](Self::receive) would take: what the FIFO has room for, one or none in 16450
    /// mode, none in loopback.
    #[must_use]
    pub fn receive_capacity(&self) -> usize {
        if self.state.looped_back() {
            0
        } else {
            usize::from(self.state.capacity().saturating_sub(self.state.rx.len))
        }
    }

    /// Offers characters from outside and says how many were taken; the rest is for the host to keep and offer again,
    /// after [`receive_emptied`](SerialEvents::receive_emptied) or whenever
    /// [`receive_capacity`](Self::receive_capacity) says so. Nothing is ever overrun by it.
    ///
    /// Characters are taken as they are, with 8 bits, whatever word length the guest has programmed.
    ///
    /// ```
    /// use devstate_core::{Instant, NoInterrupt};
    /// use devstate_serial_16550::{AlwaysReady, Serial};
    ///
    /// let mut serial = Serial::new(NoInterrupt, AlwaysReady(&mut [][..]));
    /// let now = Instant::EPOCH;
    /// assert_eq!(serial.receive(b"ls", now), 1);
    /// assert_eq!(serial.read(0, now), b'l');
    /// assert_eq!(serial.receive(b"s", now), 1);
    /// ```
    #[must_use = "what was not taken has to be offered again"]
    pub fn receive(&mut self, characters: &[u8], now: Instant) -> usize {
        self.catch_up(now);
        let timed_out = self.state.timed_out();
        let taken = characters.len().min(self.receive_capacity());
        for character in characters.iter().take(taken) {
            let _ = self.state.rx.push(*character);
            self.events.received();
        }
        if taken != 0 {
            self.arrived(timed_out, now);
        }
        taken
    }

    /// Puts a character on the wire as it is, with the errors it came with and without asking whether there is room:
    /// a full receiver is overrun (section 8.4, bit 1), and in loopback the character is lost.
    pub fn receive_character(&mut self, character: u8, errors: CharacterErrors, now: Instant) {
        self.catch_up(now);
        if self.state.looped_back() {
            self.events.receive_disconnected();
        } else {
            self.take_in(character, errors, now);
        }
    }

    /// A break on the line: one character 0 with the break bit, however long it lasts.
    pub fn receive_break(&mut self, now: Instant) {
        self.receive_character(0, CharacterErrors::BREAK, now);
    }

    pub(crate) fn take_in(&mut self, character: u8, errors: CharacterErrors, now: Instant) {
        let errors = errors.lsr_bits();
        let character = if errors & lsr::BREAK == 0 { character } else { 0 };
        self.events.received();
        if errors != 0 {
            self.events.received_with_errors();
        }
        let timed_out = self.state.timed_out();
        if self.state.rx.len < self.state.capacity() {
            self.append(character, errors);
        } else {
            self.overrun(character, errors);
        }
        self.arrived(timed_out, now);
    }

    fn append(&mut self, character: u8, errors: u8) {
        match self.state.rx.push(character) {
            // The first character's errors are revealed at once, the others' when they come to the top.
            Some(0) | None => self.state.lsr_errors |= errors,
            Some(index) => {
                if let Some(place) = self.state.rx_errors.get_mut(index) {
                    *place = errors;
                }
            }
        }
    }

    /// FIFO mode loses the new character, 16450 mode the unread one (section 8.4, bit 1).
    fn overrun(&mut self, character: u8, errors: u8) {
        self.events.receive_overrun();
        self.state.lsr_errors |= lsr::OVERRUN;
        if !self.state.fifo_enabled() {
            self.state.rx = Fifo::EMPTY;
            self.append(character, errors);
        }
    }

    /// Starts the time-out anew, unless it had fallen due: then it stays so until the guest reads (section 8.11).
    fn arrived(&mut self, timed_out: bool, now: Instant) {
        if self.state.fifo_enabled() && !timed_out {
            self.start_timer(now);
        }
        self.update_line();
    }

    /// A read of RBR. Nothing there: 0 in FIFO mode, the last character again in 16450 mode.
    #[inline]
    pub(crate) fn read_rbr(&mut self, now: Instant) -> u8 {
        let fifo_enabled = self.state.fifo_enabled();
        let Some(character) = self.state.rx.pop() else {
            return if fifo_enabled { 0 } else { self.state.rbr };
        };
        if fifo_enabled {
            self.state.lsr_errors |= reveal_next(&mut self.state.rx_errors);
        } else {
            self.state.rbr = character;
        }
        if self.state.rx.is_empty() {
            self.stop_timer();
            self.events.receive_emptied();
        } else {
            self.start_timer(now);
        }
        self.update_line();
        character
    }

    /// Forgets what was received and the errors that belong to it. An overrun stays until LSR is read.
    pub(crate) fn clear_receiver(&mut self) {
        let unread = self.state.rx.as_slice();
        if !self.state.fifo_enabled()
            && let [character, ..] = unread
        {
            self.state.rbr = *character;
        }
        if !unread.is_empty() {
            self.events.receive_discarded(unread.len());
        }
        self.state.rx = Fifo::EMPTY;
        self.state.rx_errors = [0; FIFO_LEN];
        self.state.lsr_errors &= !lsr::CHARACTER_ERRORS;
        self.stop_timer();
    }

    #[inline]
    pub(crate) const fn timer_runs(&self) -> bool {
        self.state.timeout_remaining != 0
    }

    fn start_timer(&mut self, now: Instant) {
        let duration = four_characters_time(self.state.divisor, self.state.lcr);
        self.state.timeout_remaining = duration;
        self.timeout_at = now.saturating_add_nanos(duration);
    }

    fn stop_timer(&mut self) {
        self.state.timeout_remaining = 0;
    }
}

/// Moves the errors up by one character, and takes out those of the character that is first then.
fn reveal_next(errors: &mut [u8; FIFO_LEN]) -> u8 {
    *errors = (u128::from_le_bytes(*errors) >> 8).to_le_bytes();
    let [first, ..] = errors;
    core::mem::take(first)
}
