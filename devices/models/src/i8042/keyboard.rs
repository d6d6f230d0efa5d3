//! The keyboard once more, but for what its keys send.

use super::outside::Event;
use devstate_i8042::{ByteQueue, Key, KeySet, KeyType, KeyboardOption, KeyboardState, ScanCodeSet};
use std::collections::VecDeque;
use std::sync::LazyLock;

#[derive(Clone, Debug)]
pub(super) struct Keyboard {
    option: KeyboardOption,
    set: ScanCodeSet,
    scans: bool,
    leds: u8,
    typematic: u8,
    last_sent: u8,
    replies: VecDeque<u8>,
    codes: VecDeque<u8>,
    overrun: Option<u8>,
    held: KeySet,
    sys_rq: bool,
    without_break: KeySet,
    without_repeat: KeySet,
}

impl Keyboard {
    pub(super) fn of(state: &KeyboardState) -> Self {
        Self {
            option: state.option,
            set: state.scan_code_set,
            scans: state.scanning,
            leds: state.leds,
            typematic: state.typematic,
            last_sent: state.last_sent,
            replies: state.replies.as_slice().to_vec().into(),
            codes: state.codes.as_slice().to_vec().into(),
            overrun: state.overrun,
            held: state.held,
            sys_rq: state.sys_rq,
            without_break: state.without_break,
            without_repeat: state.without_repeat,
        }
    }

    pub(super) fn state(&self) -> KeyboardState {
        KeyboardState {
            option: self.option,
            scan_code_set: self.set,
            scanning: self.scans,
            leds: self.leds,
            typematic: self.typematic,
            last_sent: self.last_sent,
            replies: queue(&self.replies),
            codes: queue(&self.codes),
            overrun: self.overrun,
            held: self.held,
            sys_rq: self.sys_rq,
            without_break: self.without_break,
            without_repeat: self.without_repeat,
        }
    }

    pub(super) fn has_data(&self) -> bool {
        self.replies.len() + self.codes.len() + usize::from(self.overrun.is_some()) != 0
    }

    pub(super) fn send(&mut self) -> Option<u8> {
        if let Some(reply) = self.replies.pop_front() {
            if reply != 0xfe {
                self.last_sent = reply;
            }
            return Some(reply);
        }
        let next = if self.codes.is_empty() {
            self.overrun.take()
        } else {
            self.codes.pop_front()
        };
        self.last_sent = next.unwrap_or(self.last_sent);
        next
    }

    pub(super) fn receive(&mut self, byte: u8, translated: bool, events: &mut Vec<Event>) {
        let option = std::mem::replace(&mut self.option, KeyboardOption::None);
        let is_command = byte >= 0xed;
        let reply = match option {
            KeyboardOption::Leds if !is_command => {
                self.leds = byte % 8;
                vec![0xfa]
            }
            KeyboardOption::Typematic if byte < 0x80 => {
                self.typematic = byte;
                vec![0xfa]
            }
            KeyboardOption::Typematic if !is_command => vec![0xfe],
            KeyboardOption::ScanCodeSet if !is_command => match byte {
                0 => vec![0xfa, through(self.set.number(), translated)],
                1..=3 => {
                    self.set = [ScanCodeSet::One, ScanCodeSet::Two, ScanCodeSet::Three][usize::from(byte) - 1];
                    vec![0xfa]
                }
                _ => vec![0xfe],
            },
            KeyboardOption::Keys(kind) if !is_command && CODES_OF_SET_3.iter().any(|(_, code)| *code == byte) => {
                for (key, _) in CODES_OF_SET_3.iter().filter(|(_, code)| *code == byte) {
                    self.without_break
                        .set(*key, matches!(kind, KeyType::Make | KeyType::Typematic));
                    self.without_repeat
                        .set(*key, matches!(kind, KeyType::Make | KeyType::MakeBreak));
                }
                self.option = option;
                vec![0xfa]
            }
            _ => self.execute(byte, translated, events),
        };
        self.replies = reply.into();
    }

    fn execute(&mut self, command: u8, translated: bool, events: &mut Vec<Event>) -> Vec<u8> {
        let all = KeySet::ALL;
        let none = KeySet::EMPTY;
        match command {
            0x00 => {}
            0xed => self.option = KeyboardOption::Leds,
            0xee => return vec![0xee],
            0xf0 => self.option = KeyboardOption::ScanCodeSet,
            0xf2 => return vec![0xfa, 0xab, through(0x83, translated)],
            0xf3 => self.option = KeyboardOption::Typematic,
            0xf4 => self.scans = true,
            0xf5 => self.default(false),
            0xf6 => self.default(true),
            0xf7 => (self.without_break, self.without_repeat) = (all, none),
            0xf8 => (self.without_break, self.without_repeat) = (none, all),
            0xf9 => (self.without_break, self.without_repeat) = (all, all),
            0xfa => (self.without_break, self.without_repeat) = (none, none),
            0xfb => self.option = KeyboardOption::Keys(KeyType::Typematic),
            0xfc => self.option = KeyboardOption::Keys(KeyType::MakeBreak),
            0xfd => self.option = KeyboardOption::Keys(KeyType::Make),
            0xfe => return vec![self.last_sent],
            0xff => {
                self.default(true);
                return vec![0xfa, 0xaa];
            }
            _ => {
                events.push(Event::UnknownToKeyboard(command));
                return vec![0xfe];
            }
        }
        vec![0xfa]
    }

    fn default(&mut self, scans: bool) {
        self.set = ScanCodeSet::Two;
        (self.scans, self.leds, self.typematic) = (scans, 0, 0x2b);
        (self.without_break, self.without_repeat) = (KeySet::EMPTY, KeySet::EMPTY);
        self.codes.clear();
        self.overrun = None;
    }

    /// What the key sends before translation. `port` says whether the port is enabled.
    fn codes(&self, key: Key, pressed: bool, port: bool) -> Vec<u8> {
        let is_down = self.held.contains(key);
        let set_3 = self.set == ScanCodeSet::Three;
        if !self.scans
            || pressed && is_down && (!port || self.has_data() || set_3 && self.without_repeat.contains(key))
            || !pressed && set_3 && self.without_break.contains(key)
        {
            return Vec::new();
        }
        let mut held = self.held;
        held.set(key, pressed);
        let codes = key.scan_codes(pressed, self.set, &held).as_slice().to_vec();
        if key != Key::Print || set_3 || !is_down || self.sys_rq == alt(&held) {
            return codes;
        }
        // Alt moved while it was down.
        match (self.set, self.sys_rq, pressed) {
            (ScanCodeSet::One, true, true) => vec![0x54],
            (ScanCodeSet::One, true, false) => vec![0xd4],
            (_, true, true) => vec![0x84],
            (_, true, false) => vec![0xf0, 0x84],
            (_, false, _) => {
                held.set(Key::Alt, false);
                held.set(Key::AltR, false);
                key.scan_codes(pressed, self.set, &held).as_slice().to_vec()
            }
        }
    }

    fn moves(&mut self, key: Key, pressed: bool) {
        if key == Key::Print {
            self.sys_rq = match (pressed, self.held.contains(key)) {
                (true, true) => self.sys_rq,
                (true, false) => alt(&self.held),
                (false, _) => false,
            };
        }
        self.held.set(key, pressed);
    }

    pub(super) fn key(
        &mut self,
        key: Key,
        pressed: bool,
        translated: bool,
        port: bool,
        events: &mut Vec<Event>,
    ) -> bool {
        let codes = sent(&self.codes(key, pressed, port), translated);
        let fits = self.overrun.is_none() && self.codes.len() + codes.len() <= 16;
        if codes.is_empty() {
            events.push(Event::KeyIgnored(key as u8, pressed));
        } else if fits {
            self.codes.extend(codes);
        } else {
            events.push(Event::KeyLost(key as u8, pressed));
            let ones = self.set == ScanCodeSet::One || translated;
            self.overrun = self.overrun.or(Some(if ones { 0xff } else { 0x00 }));
            return false;
        }
        self.moves(key, pressed);
        true
    }

    /// Whether every key is up then.
    pub(super) fn release_all(&mut self, translated: bool, port: bool) -> bool {
        let mut all = true;
        for key in Key::ALL
            .iter()
            .filter(|key| self.held.contains(**key))
            .copied()
            .collect::<Vec<_>>()
        {
            let codes = sent(&self.codes(key, false, port), translated);
            if codes.is_empty() || self.overrun.is_none() && self.codes.len() + codes.len() <= 16 {
                self.codes.extend(codes);
                self.moves(key, false);
            } else {
                all = false;
            }
        }
        all
    }

    pub(super) fn key_as_sent(&mut self, key: Key, pressed: bool, codes: &[u8], translated: bool) -> bool {
        self.moves(key, pressed);
        let codes = sent(codes, translated);
        let room = if self.overrun.is_some() {
            0
        } else {
            (16 - self.replies.len()).saturating_sub(self.codes.len())
        };
        self.codes.extend(codes.iter().take(room));
        codes.len() <= room
    }
}

fn alt(held: &KeySet) -> bool {
    held.contains(Key::Alt) || held.contains(Key::AltR)
}

/// What each key sends in set 3 when it goes down.
static CODES_OF_SET_3: LazyLock<Vec<(Key, u8)>> = LazyLock::new(|| {
    let code = |key: &Key| {
        let codes = key.scan_codes(true, ScanCodeSet::Three, &KeySet::EMPTY);
        codes.as_slice().first().map(|code| (*key, *code))
    };
    Key::ALL.iter().filter_map(code).collect()
});

fn queue<const N: usize>(bytes: &VecDeque<u8>) -> ByteQueue<N> {
    ByteQueue::from_slice(&bytes.iter().copied().collect::<Vec<_>>()).unwrap()
}

/// What comes through the controller: a break prefix goes, and the byte behind it has its high bit set.
fn sent(codes: &[u8], translated: bool) -> Vec<u8> {
    if !translated {
        return codes.to_vec();
    }
    let mut out = Vec::new();
    for (index, code) in codes.iter().enumerate().filter(|(_, code)| **code != 0xf0) {
        let breaks = index != 0 && codes[index - 1] == 0xf0;
        out.push(through(*code, true) | if breaks { 0x80 } else { 0 });
    }
    out
}

fn through(byte: u8, translated: bool) -> u8 {
    match byte {
        _ if !translated => byte,
        0x83 => 0x41,
        0x84 => 0x54,
        0x80.. => byte,
        _ => TRANSLATED[usize::from(byte)],
    }
}

/// Set 1 for set 2, as every AT keyboard controller has it.
#[rustfmt::skip]
static TRANSLATED: [u8; 128] = [
    255, 67, 65, 63, 61, 59, 60, 88, 100, 68, 66, 64, 62, 15, 41, 89,
    101, 56, 42, 112, 29, 16, 2, 90, 102, 113, 44, 31, 30, 17, 3, 91,
    103, 46, 45, 32, 18, 5, 4, 92, 104, 57, 47, 33, 20, 19, 6, 93,
    105, 49, 48, 35, 34, 21, 7, 94, 106, 114, 50, 36, 22, 8, 9, 95,
    107, 51, 37, 23, 24, 11, 10, 96, 108, 52, 53, 38, 39, 25, 12, 97,
    109, 115, 40, 116, 26, 13, 98, 110, 58, 54, 28, 27, 117, 43, 99, 118,
    85, 86, 119, 120, 121, 122, 14, 123, 124, 79, 125, 75, 71, 126, 127, 111,
    82, 83, 80, 76, 77, 72, 1, 69, 87, 78, 81, 74, 55, 73, 70, 84,
];
