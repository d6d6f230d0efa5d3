//! Received characters: from the host or through the loopback, to the guest.

use crate::deadlines::Deadline;
use crate::device::Serial;
use crate::errors::CharacterErrors;
use crate::events::SerialEvents;
use crate::output::Output;
use crate::spec::{FIFO_LEN, lsr};
use crate::state::Fifo;
use devstate_core::{Instant, InterruptLine};

impl<I: InterruptLine, W: Output, EV: SerialEvents> Serial<I, W, EV> {
    /// Returns the number of characters that the receiver has room for: up to 16, at most 1 in 16450 mode, 0 in
    /// loopback.
    ///
    /// With [`Config::flow_control`](crate::Config::flow_control) it is 0 unless the guest asserts DTR and RTS. With
    /// [`Config::receive_at_line_rate`](crate::Config::receive_at_line_rate), [`receive`](Self::receive) may take
    /// fewer.
    #[must_use]
    pub fn receive_capacity(&self) -> usize {
        let outputs = self.modem_outputs();
        let ready = !self.config.flow_control || (outputs.dtr && outputs.rts);
        if self.state.looped_back() || !ready {
            0
        } else {
            usize::from(self.state.rx.room(self.state.capacity()))
        }
    }

    /// Offers characters from outside, and returns the number of characters that the receiver took. It never overruns
    /// the receiver.
    ///
    /// Keep the rest, and offer it again after [`receive_ready`](SerialEvents::receive_ready), or whenever
    /// [`receive_capacity`](Self::receive_capacity) is not 0.
    ///
    /// Characters keep their 8 bits, whatever word length the guest has programmed.
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
    #[must_use = "characters that were not taken must be offered again"]
    pub fn receive(&mut self, characters: &[u8], now: Instant) -> usize {
        self.catch_up(now);
        let timed_out = self.state.timed_out();
        let room = characters.len().min(self.receive_capacity());
        let taken = if self.config.receive_at_line_rate {
            self.arrive_at_line_rate(room, now)
        } else {
            room
        };
        let _ = self
            .state
            .rx
            .push_all(characters.get(..taken).unwrap_or_default(), u8::MAX);
        for _ in 0..taken {
            self.events.received();
        }
        if taken != 0 {
            self.arrived(timed_out, now);
        }
        taken
    }

    /// Returns how many of the `wanted` characters the line has transferred until now, and occupies the line for them.
    fn arrive_at_line_rate(&mut self, wanted: usize, now: Instant) -> usize {
        let each = self.timers.character_ns.max(1);
        // The line has brought a full FIFO after a long pause, at most.
        let earliest = now.as_nanos().saturating_sub(each.saturating_mul(FIFO_LEN as u64 - 1));
        let mut free = self.timers.line_free_at.as_nanos();
        if free > now.as_nanos().saturating_add(each.saturating_mul(FIFO_LEN as u64)) {
            // The clock was set back.
            free = now.as_nanos();
        }
        free = free.max(earliest);
        let mut taken = 0;
        while taken < wanted && free <= now.as_nanos() {
            free = free.saturating_add(each);
            taken += 1;
        }
        self.timers.line_free_at = Instant::from_nanos(free);
        let wait = self.timers.line_free_at.saturating_nanos_since(now);
        if wait != 0 {
            self.timers.line_free = Some(Deadline::after(wait, now));
            self.watch(now);
        }
        taken
    }

    /// Receives a character with its errors, even if the receiver has no room.
    ///
    /// A full receiver is overrun (section 8.4, bit 1). In loopback the character is lost.
    pub fn receive_character(&mut self, character: u8, errors: CharacterErrors, now: Instant) {
        self.catch_up(now);
        if self.state.looped_back() {
            self.events.receive_disconnected();
        } else {
            self.take_in(character, errors, now);
        }
    }

    /// Receives a break: one character 0 with the break bit, no matter how long the break lasts.
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
            self.start_timeout(now);
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
            self.stop_timeout();
            if self.receive_capacity() != 0 {
                self.events.receive_ready();
            }
        } else {
            self.start_timeout(now);
        }
        self.update_line();
        character
    }

    /// One of the plain reads of RBR: the line status stays as it is, and a time-out that runs begins anew with the same
    /// length. It ends later than before, so that no deadline comes earlier.
    #[inline]
    pub(crate) fn read_fifo(&mut self, now: Instant) -> u8 {
        // As `pop` does it, for a queue that is neither empty nor too long.
        let characters = u128::from_le_bytes(self.state.rx.bytes);
        self.state.rx.bytes = (characters >> 8).to_le_bytes();
        self.state.rx.len -= 1;
        self.quick.plain_reads -= 1;
        self.timers.timeout_from = now;
        characters as u8
    }

    /// The same where received characters interrupt.
    #[inline(never)]
    pub(crate) fn read_fifo_with_interrupt(&mut self, now: Instant) -> u8 {
        let character = self.read_fifo(now);
        self.update_line();
        character
    }

    /// Forgets what was received and the errors that belong to it. An overrun stays until LSR is read.
    pub(crate) fn clear_receiver(&mut self) {
        self.keep_unread_character();
        if !self.state.rx.is_empty() {
            self.events.receive_discarded(self.state.rx.len.into());
        }
        self.state.rx = Fifo::EMPTY;
        self.state.rx_errors = [0; FIFO_LEN];
        self.state.lsr_errors &= !lsr::CHARACTER_ERRORS;
        self.stop_timeout();
    }

    /// The receiver buffer of 16450 mode shows a character also when it no longer counts as unread.
    pub(crate) fn keep_unread_character(&mut self) {
        if !self.state.fifo_enabled()
            && let [character, ..] = self.state.rx.as_slice()
        {
            self.state.rbr = *character;
        }
    }
}

/// Moves the errors up by one character, and takes out those of the character that is first then.
fn reveal_next(errors: &mut [u8; FIFO_LEN]) -> u8 {
    *errors = (u128::from_le_bytes(*errors) >> 8).to_le_bytes();
    let [first, ..] = errors;
    core::mem::take(first)
}
