//! The mirror of the keyboard's state.

use devstate_i8042::{ByteQueue, InvalidState, Key, KeySet, KeyType, KeyboardOption, KeyboardState, ScanCodeSet, spec};
use devstate_versioning::{ConversionError, Versioned};
use heapless::Vec;

use crate::bytes::{fill, to_wire, unknown};

/// The wire form of [`KeyboardState`].
///
/// Version 2 adds `sys_rq`.
#[derive(Versioned, Clone, Debug, PartialEq, Eq)]
#[versioned(version = 2, layouts(0x0ed5_9230_9c38_2c00, 0xe3f5_2a44_f85b_33ac))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KeyboardStateSer {
    /// The command that waits for its option: ED, F0, F3, FB, FC or FD; 0 for none.
    pub option: u8,
    /// The scan-code set: 1, 2 or 3.
    pub scan_code_set: u8,
    /// Keys are reported.
    pub scanning: bool,
    /// The LEDs.
    pub leds: u8,
    /// Typematic rate and delay.
    pub typematic: u8,
    /// The last byte that the keyboard sent.
    pub last_sent: u8,
    /// Replies that the guest has not read.
    pub replies: Vec<u8, 3>,
    /// Scan codes that the guest has not read.
    pub codes: Vec<u8, 16>,
    /// The overrun code that follows the scan codes.
    pub overrun: Option<u8>,
    /// The keys that are down, one bit each in the order of `KEYS.md` in the repository.
    pub held: [u8; 19],
    /// Set 3: the keys that have no break code.
    pub without_break: [u8; 19],
    /// Set 3: the keys that do not repeat.
    pub without_repeat: [u8; 19],
    /// Print Screen went down as System Request. Version 1 does not have this field: loading sets it if Print Screen
    /// and Alt are down.
    #[versioned(start = 2, de_fn = sys_rq_of_version_1)]
    pub sys_rq: bool,
}

impl KeyboardStateSer {
    /// Returns the mirror of a keyboard's state.
    #[must_use]
    pub fn new(state: &KeyboardState) -> Self {
        Self::with_option(state, option_code(state.option))
    }

    /// Returns the mirror of a keyboard's state. `option` is the code of its option, which a caller may have computed
    /// before.
    pub(crate) fn with_option(state: &KeyboardState, option: u8) -> Self {
        let KeyboardState {
            option: _,
            scan_code_set,
            scanning,
            leds,
            typematic,
            last_sent,
            replies,
            codes,
            overrun,
            held: KeySet(held),
            sys_rq,
            without_break: KeySet(without_break),
            without_repeat: KeySet(without_repeat),
        } = state;
        Self {
            option,
            scan_code_set: scan_code_set.number(),
            scanning: *scanning,
            leds: *leds,
            typematic: *typematic,
            last_sent: *last_sent,
            replies: to_wire(replies),
            codes: to_wire(codes),
            overrun: *overrun,
            held: *held,
            without_break: *without_break,
            without_repeat: *without_repeat,
            sys_rq: *sys_rq,
        }
    }
}

impl Default for KeyboardStateSer {
    /// Returns the mirror of [`KeyboardState::RESET`].
    fn default() -> Self {
        // Field by field: most are zero, and firmware needs no copy of the whole.
        Self {
            option: 0,
            scan_code_set: const { KeyboardState::RESET.scan_code_set.number() },
            scanning: true,
            leds: 0,
            typematic: const { KeyboardState::RESET.typematic },
            last_sent: const { KeyboardState::RESET.last_sent },
            replies: Vec::new(),
            codes: Vec::new(),
            overrun: None,
            held: [0; 19],
            without_break: [0; 19],
            without_repeat: [0; 19],
            sys_rq: false,
        }
    }
}

impl From<&KeyboardState> for KeyboardStateSer {
    fn from(state: &KeyboardState) -> Self {
        Self::new(state)
    }
}

impl TryFrom<&KeyboardStateSer> for KeyboardState {
    type Error = InvalidState;

    /// Converts a mirror of the latest version, and validates the state.
    ///
    /// # Errors
    ///
    /// The first field with an impossible value.
    fn try_from(mirror: &KeyboardStateSer) -> Result<Self, InvalidState> {
        let mut state = Self::RESET;
        convert(mirror, &mut state)?;
        state.validate()?;
        Ok(state)
    }
}

/// Converts in place, and does not validate the state.
pub(crate) fn convert(mirror: &KeyboardStateSer, state: &mut KeyboardState) -> Result<(), InvalidState> {
    let KeyboardStateSer {
        option,
        scan_code_set,
        scanning,
        leds,
        typematic,
        last_sent,
        replies,
        codes,
        overrun,
        held,
        without_break,
        without_repeat,
        sys_rq,
    } = mirror;
    let Some(scan_code_set) = ScanCodeSet::from_number(*scan_code_set) else {
        return unknown("keyboard.scan_code_set", *scan_code_set);
    };
    *state = KeyboardState {
        option: option_of(*option)?,
        scan_code_set,
        scanning: *scanning,
        leds: *leds,
        typematic: *typematic,
        last_sent: *last_sent,
        replies: ByteQueue::EMPTY,
        codes: ByteQueue::EMPTY,
        overrun: *overrun,
        held: KeySet(*held),
        sys_rq: *sys_rq,
        without_break: KeySet(*without_break),
        without_repeat: KeySet(*without_repeat),
    };
    fill(&mut state.replies, replies);
    fill(&mut state.codes, codes);
    Ok(())
}

pub(crate) const fn option_code(option: KeyboardOption) -> u8 {
    match option {
        KeyboardOption::None => 0,
        KeyboardOption::Leds => spec::keyboard::SET_LEDS,
        KeyboardOption::ScanCodeSet => spec::keyboard::SCAN_CODE_SET,
        KeyboardOption::Typematic => spec::keyboard::SET_TYPEMATIC,
        KeyboardOption::Keys(KeyType::Typematic) => spec::keyboard::KEY_TYPEMATIC,
        KeyboardOption::Keys(KeyType::MakeBreak) => spec::keyboard::KEY_MAKE_BREAK,
        KeyboardOption::Keys(KeyType::Make) => spec::keyboard::KEY_MAKE,
    }
}

fn option_of(code: u8) -> Result<KeyboardOption, InvalidState> {
    Ok(match code {
        0 => KeyboardOption::None,
        spec::keyboard::SET_LEDS => KeyboardOption::Leds,
        spec::keyboard::SCAN_CODE_SET => KeyboardOption::ScanCodeSet,
        spec::keyboard::SET_TYPEMATIC => KeyboardOption::Typematic,
        spec::keyboard::KEY_TYPEMATIC => KeyboardOption::Keys(KeyType::Typematic),
        spec::keyboard::KEY_MAKE_BREAK => KeyboardOption::Keys(KeyType::MakeBreak),
        spec::keyboard::KEY_MAKE => KeyboardOption::Keys(KeyType::Make),
        _ => return unknown("keyboard.option", code),
    })
}

/// In version 1 Print Screen is System Request while Alt is down.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a semantic function")]
fn sys_rq_of_version_1(mirror: &mut KeyboardStateSer, _version: u16) -> Result<(), ConversionError> {
    let held = |key| KeySet(mirror.held).contains(key);
    mirror.sys_rq = held(Key::Print) && (held(Key::Alt) || held(Key::AltR));
    Ok(())
}
