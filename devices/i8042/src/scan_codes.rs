//! The scan codes of each key, and the controller's translation.

use crate::key::{Key, KeySet};
use devstate_core::ByteQueue;

/// A scan-code set ("Scan Code Set 1", "2", "3").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ScanCodeSet {
    /// Set 1, of the PC/XT.
    One,
    /// Set 2, of the AT. The default.
    Two,
    /// Set 3, of the PS/2: one code for each key, with a type for each key.
    Three,
}

impl ScanCodeSet {
    /// Returns the number: 1, 2 or 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// Returns the set with that number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            _ => None,
        }
    }
}

/// The maximum number of bytes that a key sends at once.
pub const MAX_CODES: usize = 8;

/// The bytes that a key sends at once.
pub type ScanCodes = ByteQueue<MAX_CODES>;

/// The break prefix of sets 2 and 3: the key whose code follows goes up.
const BREAK: u8 = 0xf0;

impl Key {
    /// Returns the codes that this key sends in `set` when it goes down or up while the keys in `held` are down.
    ///
    /// Print Screen is System Request if Alt is in `held`.
    ///
    /// ```
    /// use devstate_i8042::{Key, KeySet, ScanCodeSet};
    ///
    /// let up = Key::Up.scan_codes(false, ScanCodeSet::Two, &KeySet::EMPTY);
    /// assert_eq!(up.as_slice(), [0xe0, 0xf0, 0x75]);
    /// ```
    #[must_use]
    pub fn scan_codes(self, pressed: bool, set: ScanCodeSet, held: &KeySet) -> ScanCodes {
        let [set_1, set_2, set_3] = self.make_codes();
        match (self, set) {
            (Self::Pause, ScanCodeSet::One | ScanCodeSet::Two) => pause(pressed, set, held),
            (Self::Print, _) => print_screen(pressed, set, held, is_sys_rq(held)),
            (_, ScanCodeSet::One) => regular_set_1(set_1, pressed),
            (_, ScanCodeSet::Two) => regular(set_2, pressed),
            (_, ScanCodeSet::Three) => regular(set_3, pressed),
        }
    }
}

/// Returns a code of set 1, where a break code is the make code with bit 7 set.
fn regular_set_1(make: u16, pressed: bool) -> ScanCodes {
    let mut codes = ScanCodes::EMPTY;
    if make == 0 {
        return codes;
    }
    let [prefix, code] = make.to_be_bytes();
    if prefix != 0 {
        codes.push(prefix);
    }
    codes.push(if pressed { code } else { code | 0x80 });
    codes
}

/// Returns a code of set 2 or 3, where a break code is the make code behind F0.
fn regular(make: u16, pressed: bool) -> ScanCodes {
    let mut codes = ScanCodes::EMPTY;
    if make == 0 {
        return codes;
    }
    let [prefix, code] = make.to_be_bytes();
    if prefix != 0 {
        codes.push(prefix);
    }
    if !pressed {
        codes.push(BREAK);
    }
    codes.push(code);
    codes
}

/// Returns the codes of Pause: make and break at once when it goes down. With Ctrl it is Break.
fn pause(pressed: bool, set: ScanCodeSet, held: &KeySet) -> ScanCodes {
    if !pressed {
        return ScanCodes::EMPTY;
    }
    let control = held.contains(Key::Ctrl) || held.contains(Key::CtrlR);
    let codes: &[u8] = match (set, control) {
        (ScanCodeSet::One, true) => &[0xe0, 0x46, 0xe0, 0xc6],
        (ScanCodeSet::One, false) => &[0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5],
        (_, true) => &[0xe0, 0x7e, 0xe0, 0xf0, 0x7e],
        (_, false) => &[0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77],
    };
    at_most_eight(codes)
}

/// Returns `true` if Print Screen is System Request when it goes down now: Alt is down.
pub(crate) fn is_sys_rq(held: &KeySet) -> bool {
    held.contains(Key::Alt) || held.contains(Key::AltR)
}

/// Returns the codes of Print Screen. It sends a false left Shift around itself, unless Shift or Ctrl is down. As System
/// Request it has a code of its own; if Alt is down, it goes up and down again around that.
pub(crate) fn print_screen(pressed: bool, set: ScanCodeSet, held: &KeySet, sys_rq: bool) -> ScanCodes {
    let any = |keys: &[Key]| keys.iter().any(|key| held.contains(*key));
    let codes: &[u8] = match (set, sys_rq) {
        (ScanCodeSet::Three, _) => {
            let [_, _, set_3] = Key::Print.make_codes();
            return regular(set_3, pressed);
        }
        (ScanCodeSet::One, true) => match pressed {
            true if any(&[Key::Alt]) => &[0xb8, 0x38, 0x54],
            false if any(&[Key::Alt]) => &[0xd4, 0xb8, 0x38],
            true if any(&[Key::AltR]) => &[0xe0, 0xb8, 0xe0, 0x38, 0x54],
            false if any(&[Key::AltR]) => &[0xd4, 0xe0, 0xb8, 0xe0, 0x38],
            true => &[0x54],
            false => &[0xd4],
        },
        (ScanCodeSet::Two, true) => match pressed {
            true if any(&[Key::Alt]) => &[0xf0, 0x11, 0x11, 0x84],
            false if any(&[Key::Alt]) => &[0xf0, 0x84, 0xf0, 0x11, 0x11],
            true if any(&[Key::AltR]) => &[0xe0, 0xf0, 0x11, 0xe0, 0x11, 0x84],
            false if any(&[Key::AltR]) => &[0xf0, 0x84, 0xe0, 0xf0, 0x11, 0xe0, 0x11],
            true => &[0x84],
            false => &[0xf0, 0x84],
        },
        (ScanCodeSet::One, false) => match (pressed, any(&SHIFT_OR_CTRL)) {
            (true, true) => &[0xe0, 0x37],
            (false, true) => &[0xe0, 0xb7],
            (true, false) => &[0xe0, 0x2a, 0xe0, 0x37],
            (false, false) => &[0xe0, 0xb7, 0xe0, 0xaa],
        },
        (ScanCodeSet::Two, false) => match (pressed, any(&SHIFT_OR_CTRL)) {
            (true, true) => &[0xe0, 0x7c],
            (false, true) => &[0xe0, 0xf0, 0x7c],
            (true, false) => &[0xe0, 0x12, 0xe0, 0x7c],
            (false, false) => &[0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12],
        },
    };
    at_most_eight(codes)
}

/// Copies a sequence. The longest has [`MAX_CODES`].
fn at_most_eight(codes: &[u8]) -> ScanCodes {
    ScanCodes::from_slice(codes).unwrap_or(ScanCodes::EMPTY)
}

const SHIFT_OR_CTRL: [Key; 4] = [Key::Shift, Key::ShiftR, Key::Ctrl, Key::CtrlR];

/// The controller's translation from set 2 to set 1, for bytes below 80h ("Scan Code Translation").
const TRANSLATION: [u8; 128] = [
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, // 00
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, // 10
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, // 20
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, // 30
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, // 40
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, // 50
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, // 60
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, // 70
];

/// Translates one byte from set 2 to set 1.
#[must_use]
pub(crate) fn translate(byte: u8) -> u8 {
    match byte {
        // F7 and Alt-Print Screen, whose codes lie above the table.
        0x83 => 0x41,
        0x84 => 0x54,
        _ => TRANSLATION.get(usize::from(byte)).copied().unwrap_or(byte),
    }
}

/// Translates what a key sends, byte by byte; the break prefix becomes bit 7 of the byte behind it.
pub(crate) struct Translation {
    translates: bool,
    high_bit: u8,
}

impl Translation {
    pub(crate) const fn new(translates: bool) -> Self {
        Self {
            translates,
            high_bit: 0,
        }
    }

    pub(crate) fn next(&mut self, code: u8) -> Option<u8> {
        if !self.translates {
            Some(code)
        } else if code == BREAK {
            self.high_bit = 0x80;
            None
        } else {
            Some(translate(code) | core::mem::take(&mut self.high_bit))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Below 80h, each byte except 00 becomes a byte of its own, so a guest can tell all keys apart. Above, the codes of two
    /// keys move down. All other bytes, such as replies, do not change.
    #[test]
    fn every_byte_is_translated() {
        assert_eq!(translate(0x00), 0xff);
        let mut seen = [false; 128];
        for byte in 0x01..0x80 {
            let place = usize::from(translate(byte));
            assert!(!seen[place], "{byte:02x}");
            seen[place] = true;
        }
        assert!(!seen[0] && seen[1..].iter().all(|seen| *seen));
        for byte in 0x80..=0xff {
            let expected = match byte {
                0x83 => 0x41,
                0x84 => 0x54,
                _ => byte,
            };
            assert_eq!(translate(byte), expected);
        }
    }

    #[test]
    fn a_break_prefix_becomes_the_high_bit() {
        let mut translation = Translation::new(true);
        let translated = [0xe0, BREAK, 0x75, 0x1c].map(|code| translation.next(code));
        assert_eq!(translated, [Some(0xe0), None, Some(0xc8), Some(0x1e)]);
        assert_eq!(Translation::new(false).next(BREAK), Some(BREAK));
    }
}
