//! The PS/2 keyboard.

use devstate_core::InvalidState;

use crate::events::I8042Events;
use crate::key::{Key, KeySet};
use crate::scan_codes::{ScanCodeSet, ScanCodes, Translation, is_sys_rq, print_screen, translate};
use crate::spec::keyboard as spec;
use devstate_core::ByteQueue;

/// The option byte that the keyboard waits for, after a command that takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum KeyboardOption {
    /// None: the next byte is a command.
    None,
    /// The LEDs, after ED.
    Leds,
    /// The scan-code set, after F0.
    ScanCodeSet,
    /// Rate and delay, after F3.
    Typematic,
    /// The set-3 codes of keys that get this type, after FB, FC or FD, until the next command.
    Keys(KeyType),
}

/// A key's type in scan-code set 3, as FB, FC and FD set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum KeyType {
    /// Typematic: the key repeats and has no break code (FB).
    Typematic,
    /// Make/break: the key has a break code and does not repeat (FC).
    MakeBreak,
    /// Make: the key has no break code and does not repeat (FD).
    Make,
}

impl KeyType {
    const fn has_break(self) -> bool {
        matches!(self, Self::MakeBreak)
    }

    const fn repeats(self) -> bool {
        matches!(self, Self::Typematic)
    }
}

/// The state of the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeyboardState {
    /// The option byte that the keyboard waits for.
    pub option: KeyboardOption,
    /// The scan-code set in use.
    pub scan_code_set: ScanCodeSet,
    /// Scanning is enabled: keys are reported.
    pub scanning: bool,
    /// The LEDs, from bit 0: scroll lock, num lock, caps lock.
    pub leds: u8,
    /// Typematic rate (bits 0 to 4) and delay (bits 5 and 6), as the guest set them. Repeats come from the host.
    pub typematic: u8,
    /// The last byte that the keyboard sent, after translation. It is sent again if the guest requests a resend. A
    /// resend code (FE) from the keyboard itself is not stored here.
    pub last_sent: u8,
    /// Replies that the guest has not read. They go before scan codes. The next byte to the keyboard discards them.
    pub replies: ByteQueue<3>,
    /// Scan codes that the guest has not read, after translation. The capacity is [`BUFFER`](crate::spec::keyboard::BUFFER).
    pub codes: ByteQueue<{ spec::BUFFER as usize }>,
    /// The overrun code, after translation. It follows `codes` if a key did not fit.
    pub overrun: Option<u8>,
    /// The keys that are down, also while scanning is disabled.
    pub held: KeySet,
    /// Print Screen went down as System Request, with Alt. It goes up as the same key.
    pub sys_rq: bool,
    /// Set 3: the keys that have no break code.
    pub without_break: KeySet,
    /// Set 3: the keys that do not repeat.
    pub without_repeat: KeySet,
}

impl KeyboardState {
    /// The state after power-on, when firmware has read the result of the self-test.
    pub const RESET: Self = Self {
        option: KeyboardOption::None,
        scan_code_set: ScanCodeSet::Two,
        scanning: true,
        leds: 0,
        typematic: spec::TYPEMATIC_DEFAULT,
        last_sent: spec::TEST_PASSED,
        replies: ByteQueue::EMPTY,
        codes: ByteQueue::EMPTY,
        overrun: None,
        held: KeySet::EMPTY,
        sys_rq: false,
        without_break: KeySet::EMPTY,
        without_repeat: KeySet::EMPTY,
    };

    /// Checks that a real device could be in this state.
    ///
    /// # Errors
    ///
    /// The first field with an impossible value.
    pub fn validate(&self) -> Result<(), InvalidState> {
        if self.leds & !spec::LEDS != 0 {
            return Err(InvalidState::new(
                "keyboard.leds",
                self.leds.into(),
                "there are three LEDs",
            ));
        }
        if self.typematic & !spec::TYPEMATIC != 0 {
            let reason = "bit 7 is always 0";
            return Err(InvalidState::new("keyboard.typematic", self.typematic.into(), reason));
        }
        self.replies
            .validate(3, "keyboard.replies.len", "keyboard.replies.bytes")?;
        self.codes
            .validate(spec::BUFFER, "keyboard.codes.len", "keyboard.codes.bytes")?;
        if let Some(code) = self.overrun
            && code != spec::OVERRUN
            && code != spec::OVERRUN_SET_1
        {
            return Err(InvalidState::new(
                "keyboard.overrun",
                code.into(),
                "the code is 00 or FF",
            ));
        }
        self.held.validate("keyboard.held")?;
        self.without_break.validate("keyboard.without_break")?;
        self.without_repeat.validate("keyboard.without_repeat")?;
        if self.sys_rq && !self.held.contains(Key::Print) {
            return Err(InvalidState::new(
                "keyboard.sys_rq",
                1,
                "only while Print Screen is down",
            ));
        }
        Ok(())
    }

    #[inline]
    pub(crate) const fn has_data(&self) -> bool {
        !self.replies.is_empty() || !self.codes.is_empty() || self.overrun.is_some()
    }

    /// Takes the next byte for the controller: replies, then scan codes, then the overrun code.
    pub(crate) fn send(&mut self) -> Option<u8> {
        if let Some(reply) = self.replies.pop() {
            // A resend repeats what came before the keyboard's own request to resend.
            if reply != spec::NAK {
                self.last_sent = reply;
            }
            return Some(reply);
        }
        let byte = self.codes.pop().or_else(|| self.overrun.take())?;
        self.last_sent = byte;
        Some(byte)
    }

    /// Handles a byte from the guest. Each byte has a reply, which replaces unread replies.
    pub(crate) fn receive(&mut self, byte: u8, translated: bool, events: &impl I8042Events) {
        let option = self.option;
        self.option = KeyboardOption::None;
        match option {
            _ if byte >= spec::FIRST_COMMAND => self.execute(byte, translated, events),
            KeyboardOption::None => self.execute(byte, translated, events),
            KeyboardOption::Leds => {
                self.leds = byte & spec::LEDS;
                self.reply([spec::ACK]);
            }
            KeyboardOption::Typematic if byte & !spec::TYPEMATIC != 0 => self.reply([spec::NAK]),
            KeyboardOption::Typematic => {
                self.typematic = byte;
                self.reply([spec::ACK]);
            }
            KeyboardOption::ScanCodeSet => self.select_scan_code_set(byte, translated),
            KeyboardOption::Keys(key_type) => {
                if self.set_key_type(byte, key_type) {
                    self.option = option;
                    self.reply([spec::ACK]);
                } else {
                    self.execute(byte, translated, events);
                }
            }
        }
    }

    fn execute(&mut self, command: u8, translated: bool, events: &impl I8042Events) {
        match command {
            spec::SET_LEDS => self.expect(KeyboardOption::Leds),
            spec::SCAN_CODE_SET => self.expect(KeyboardOption::ScanCodeSet),
            spec::SET_TYPEMATIC => self.expect(KeyboardOption::Typematic),
            spec::KEY_TYPEMATIC => self.expect(KeyboardOption::Keys(KeyType::Typematic)),
            spec::KEY_MAKE_BREAK => self.expect(KeyboardOption::Keys(KeyType::MakeBreak)),
            spec::KEY_MAKE => self.expect(KeyboardOption::Keys(KeyType::Make)),
            spec::ALL_TYPEMATIC => self.set_all_keys(KeySet::ALL, KeySet::EMPTY),
            spec::ALL_MAKE_BREAK => self.set_all_keys(KeySet::EMPTY, KeySet::ALL),
            spec::ALL_MAKE => self.set_all_keys(KeySet::ALL, KeySet::ALL),
            spec::ALL_TYPEMATIC_MAKE_BREAK => self.set_all_keys(KeySet::EMPTY, KeySet::EMPTY),
            spec::ECHO => self.reply([spec::ECHO]),
            spec::IDENTIFY => {
                let [first, second] = spec::ID;
                self.reply([spec::ACK, first, through(second, translated)]);
            }
            spec::ENABLE => {
                self.scanning = true;
                self.reply([spec::ACK]);
            }
            spec::DEFAULT_DISABLE => {
                self.load_defaults();
                self.scanning = false;
                self.reply([spec::ACK]);
            }
            spec::SET_DEFAULT => {
                self.load_defaults();
                self.reply([spec::ACK]);
            }
            spec::RESEND => self.reply([self.last_sent]),
            spec::RESET => {
                self.load_defaults();
                self.reply([spec::ACK, spec::TEST_PASSED]);
            }
            spec::NULL => self.reply([spec::ACK]),
            _ => {
                events.unknown_keyboard_command(command);
                self.reply([spec::NAK]);
            }
        }
    }

    fn expect(&mut self, option: KeyboardOption) {
        self.option = option;
        self.reply([spec::ACK]);
    }

    fn select_scan_code_set(&mut self, number: u8, translated: bool) {
        if number == 0 {
            self.reply([spec::ACK, through(self.scan_code_set.number(), translated)]);
        } else if let Some(set) = ScanCodeSet::from_number(number) {
            self.scan_code_set = set;
            self.reply([spec::ACK]);
        } else {
            self.reply([spec::NAK]);
        }
    }

    fn set_all_keys(&mut self, without_break: KeySet, without_repeat: KeySet) {
        self.without_break = without_break;
        self.without_repeat = without_repeat;
        self.reply([spec::ACK]);
    }

    /// Sets the type of the key with that code in set 3. Returns `false` if there is none.
    fn set_key_type(&mut self, code: u8, key_type: KeyType) -> bool {
        let mut found = false;
        for key in Key::ALL {
            let [_, _, set_3] = key.make_codes();
            if set_3 != 0 && set_3 == u16::from(code) {
                self.without_break.set(*key, !key_type.has_break());
                self.without_repeat.set(*key, !key_type.repeats());
                found = true;
            }
        }
        found
    }

    /// Loads the power-on defaults and empties the buffer. Keys that are down stay down.
    fn load_defaults(&mut self) {
        *self = Self {
            held: self.held,
            sys_rq: self.sys_rq,
            last_sent: self.last_sent,
            ..Self::RESET
        };
    }

    /// Replaces unread replies.
    fn reply<const N: usize>(&mut self, bytes: [u8; N]) {
        self.replies = ByteQueue::from_array(bytes);
    }

    /// Returns what the keyboard sends, before translation, when this key goes down or up now. While the keyboard cannot
    /// send (`inhibited`), a repeat is not stored.
    pub(crate) fn codes_of(&self, key: Key, pressed: bool, inhibited: bool) -> ScanCodes {
        let repeats = pressed && self.held.contains(key);
        if !self.scanning || repeats && (inhibited || self.has_data()) || self.is_silent(key, pressed) {
            return ScanCodes::EMPTY;
        }
        if key == Key::Print && self.held.contains(key) {
            return print_screen(pressed, self.scan_code_set, &self.held, self.sys_rq);
        }
        key.scan_codes(pressed, self.scan_code_set, &self.held)
    }

    fn is_silent(&self, key: Key, pressed: bool) -> bool {
        self.scan_code_set == ScanCodeSet::Three
            && if pressed {
                self.held.contains(key) && self.without_repeat.contains(key)
            } else {
                self.without_break.contains(key)
            }
    }

    fn hold(&mut self, key: Key, pressed: bool) {
        if key == Key::Print && pressed != self.held.contains(key) {
            self.sys_rq = pressed && is_sys_rq(&self.held);
        }
        self.held.set(key, pressed);
    }

    /// Handles a key that goes down, repeats or goes up. If its codes do not fit, returns `false`: the state of
    /// the key is unchanged, and an overrun code follows what is in the buffer.
    pub(crate) fn key(&mut self, key: Key, pressed: bool, link: Link, events: &impl I8042Events) -> bool {
        let codes = link.pass(&self.codes_of(key, pressed, link.inhibited));
        if codes.is_empty() {
            self.hold(key, pressed);
            events.key_ignored(key, pressed);
            return true;
        }
        if self.queue_codes(&codes) {
            self.hold(key, pressed);
            return true;
        }
        events.key_lost(key, pressed);
        let code = match self.scan_code_set {
            ScanCodeSet::One => spec::OVERRUN_SET_1,
            ScanCodeSet::Two | ScanCodeSet::Three => through(spec::OVERRUN, link.translated),
        };
        self.overrun.get_or_insert(code);
        false
    }

    /// Queues the release of a key, if it fits.
    pub(crate) fn release(&mut self, key: Key, link: Link) -> bool {
        let codes = link.pass(&self.codes_of(key, false, link.inhibited));
        let queued = codes.is_empty() || self.queue_codes(&codes);
        if queued {
            self.hold(key, false);
        }
        queued
    }

    fn queue_codes(&mut self, codes: &ScanCodes) -> bool {
        self.overrun.is_none() && self.codes.push_all(codes.as_slice(), spec::BUFFER)
    }

    /// Queues what another keyboard sent for a key, before translation. Returns `false` if not all of it fits: the rest
    /// is dropped.
    pub(crate) fn key_as_sent(&mut self, key: Key, pressed: bool, codes: &[u8], translated: bool) -> bool {
        self.hold(key, pressed);
        let limit = spec::BUFFER.saturating_sub(self.replies.len);
        let mut translation = Translation::new(translated);
        let mut all = true;
        for code in codes.iter().filter_map(|code| translation.next(*code)) {
            all &= self.overrun.is_none() && self.codes.push_all(&[code], limit);
        }
        all
    }
}

/// How the controller passes on what the keyboard sends.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// Scan codes are translated to set 1.
    pub(crate) translated: bool,
    /// The keyboard's port is disabled.
    pub(crate) inhibited: bool,
}

impl Link {
    /// Returns what becomes of scan codes on their way through the controller.
    fn pass(self, codes: &ScanCodes) -> ScanCodes {
        if !self.translated {
            return *codes;
        }
        let mut translation = Translation::new(self.translated);
        let mut passed = ScanCodes::EMPTY;
        for code in codes.as_slice().iter().filter_map(|code| translation.next(*code)) {
            passed.push(code);
        }
        passed
    }
}

impl Default for KeyboardState {
    /// Returns [`KeyboardState::RESET`].
    fn default() -> Self {
        Self::RESET
    }
}

/// Returns what becomes of a byte on its way through the controller.
fn through(byte: u8, translated: bool) -> u8 {
    if translated { translate(byte) } else { byte }
}
