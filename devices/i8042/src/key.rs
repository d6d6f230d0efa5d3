//! The keys, their names, and their make codes in the three scan-code sets.

use core::fmt;
use core::str::FromStr;

use devstate_core::InvalidState;

/// Defines [`Key`], its names and its regular scan codes, one key a line.
macro_rules! keys {
    ($($key:ident $name:literal $set1:literal $set2:literal $set3:literal;)*) => {
        /// A key. The names are those of QEMU's `QKeyCode`, after the US layout.
        ///
        /// Some keys have no code in one or two of the scan-code sets, and send nothing there.
        ///
        /// ```
        /// use devstate_i8042::Key;
        ///
        /// assert_eq!("ctrl_r".parse(), Ok(Key::CtrlR));
        /// assert_eq!(Key::CtrlR.to_string(), "ctrl_r");
        /// assert!("any".parse::<Key>().is_err());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Key {
            $(
                #[doc = concat!("`", $name, "`")]
                $key,
            )*
        }

        impl Key {
            /// All keys, in the order of [`KeySet`]'s bits.
            pub const ALL: &'static [Self] = &[$(Self::$key),*];

            /// Returns the key's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)*
                }
            }

            /// Returns the make codes in sets 1, 2 and 3: one byte, or in sets 1 and 2 two (the higher is sent first). 0 if
            /// there is none, or if it depends on other keys.
            pub(crate) fn make_codes(self) -> [u16; 3] {
                const CODES: [[u16; 3]; Key::ALL.len()] = [$([$set1, $set2, $set3]),*];
                CODES.get(self as usize).copied().unwrap_or_default()
            }

            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$key),)*
                    "sysrq" => Some(Self::Print),
                    "asterisk" => Some(Self::KpMultiply),
                    _ => None,
                }
            }
        }
    };
}

// The order is that of `KeySet`'s bits, and part of the wire format: a new key goes to the end. A test compares it with
// `ser/KEYS.md`.
keys! {
    Shift              "shift"              0x2a    0x12    0x12;
    ShiftR             "shift_r"            0x36    0x59    0x59;
    Alt                "alt"                0x38    0x11    0x19;
    AltR               "alt_r"              0xe038  0xe011  0x39;
    Ctrl               "ctrl"               0x1d    0x14    0x11;
    CtrlR              "ctrl_r"             0xe01d  0xe014  0x58;
    Menu               "menu"               0xe01e  0       0x91;
    Esc                "esc"                0x01    0x76    0x08;
    Digit1             "1"                  0x02    0x16    0x16;
    Digit2             "2"                  0x03    0x1e    0x1e;
    Digit3             "3"                  0x04    0x26    0x26;
    Digit4             "4"                  0x05    0x25    0x25;
    Digit5             "5"                  0x06    0x2e    0x2e;
    Digit6             "6"                  0x07    0x36    0x36;
    Digit7             "7"                  0x08    0x3d    0x3d;
    Digit8             "8"                  0x09    0x3e    0x3e;
    Digit9             "9"                  0x0a    0x46    0x46;
    Digit0             "0"                  0x0b    0x45    0x45;
    Minus              "minus"              0x0c    0x4e    0x4e;
    Equal              "equal"              0x0d    0x55    0x55;
    Backspace          "backspace"          0x0e    0x66    0x66;
    Tab                "tab"                0x0f    0x0d    0x0d;
    Q                  "q"                  0x10    0x15    0x15;
    W                  "w"                  0x11    0x1d    0x1d;
    E                  "e"                  0x12    0x24    0x24;
    R                  "r"                  0x13    0x2d    0x2d;
    T                  "t"                  0x14    0x2c    0x2c;
    Y                  "y"                  0x15    0x35    0x35;
    U                  "u"                  0x16    0x3c    0x3c;
    I                  "i"                  0x17    0x43    0x43;
    O                  "o"                  0x18    0x44    0x44;
    P                  "p"                  0x19    0x4d    0x4d;
    BracketLeft        "bracket_left"       0x1a    0x54    0x54;
    BracketRight       "bracket_right"      0x1b    0x5b    0x5b;
    Ret                "ret"                0x1c    0x5a    0x5a;
    A                  "a"                  0x1e    0x1c    0x1c;
    S                  "s"                  0x1f    0x1b    0x1b;
    D                  "d"                  0x20    0x23    0x23;
    F                  "f"                  0x21    0x2b    0x2b;
    G                  "g"                  0x22    0x34    0x34;
    H                  "h"                  0x23    0x33    0x33;
    J                  "j"                  0x24    0x3b    0x3b;
    K                  "k"                  0x25    0x42    0x42;
    L                  "l"                  0x26    0x4b    0x4b;
    Semicolon          "semicolon"          0x27    0x4c    0x4c;
    Apostrophe         "apostrophe"         0x28    0x52    0x52;
    GraveAccent        "grave_accent"       0x29    0x0e    0x0e;
    Backslash          "backslash"          0x2b    0x5d    0x5c;
    Z                  "z"                  0x2c    0x1a    0x1a;
    X                  "x"                  0x2d    0x22    0x22;
    C                  "c"                  0x2e    0x21    0x21;
    V                  "v"                  0x2f    0x2a    0x2a;
    B                  "b"                  0x30    0x32    0x32;
    N                  "n"                  0x31    0x31    0x31;
    M                  "m"                  0x32    0x3a    0x3a;
    Comma              "comma"              0x33    0x41    0x41;
    Dot                "dot"                0x34    0x49    0x49;
    Slash              "slash"              0x35    0x4a    0x4a;
    Spc                "spc"                0x39    0x29    0x29;
    CapsLock           "caps_lock"          0x3a    0x58    0x14;
    F1                 "f1"                 0x3b    0x05    0x07;
    F2                 "f2"                 0x3c    0x06    0x0f;
    F3                 "f3"                 0x3d    0x04    0x17;
    F4                 "f4"                 0x3e    0x0c    0x1f;
    F5                 "f5"                 0x3f    0x03    0x27;
    F6                 "f6"                 0x40    0x0b    0x2f;
    F7                 "f7"                 0x41    0x83    0x37;
    F8                 "f8"                 0x42    0x0a    0x3f;
    F9                 "f9"                 0x43    0x01    0x47;
    F10                "f10"                0x44    0x09    0x4f;
    NumLock            "num_lock"           0x45    0x77    0x76;
    ScrollLock         "scroll_lock"        0x46    0x7e    0x5f;
    KpDivide           "kp_divide"          0xe035  0xe04a  0x77;
    KpMultiply         "kp_multiply"        0x37    0x7c    0x7e;
    KpSubtract         "kp_subtract"        0x4a    0x7b    0x84;
    KpAdd              "kp_add"             0x4e    0x79    0x7c;
    KpEnter            "kp_enter"           0xe01c  0xe05a  0x79;
    KpDecimal          "kp_decimal"         0x53    0x71    0x71;
    Kp0                "kp_0"               0x52    0x70    0x70;
    Kp1                "kp_1"               0x4f    0x69    0x69;
    Kp2                "kp_2"               0x50    0x72    0x72;
    Kp3                "kp_3"               0x51    0x7a    0x7a;
    Kp4                "kp_4"               0x4b    0x6b    0x6b;
    Kp5                "kp_5"               0x4c    0x73    0x73;
    Kp6                "kp_6"               0x4d    0x74    0x74;
    Kp7                "kp_7"               0x47    0x6c    0x6c;
    Kp8                "kp_8"               0x48    0x75    0x75;
    Kp9                "kp_9"               0x49    0x7d    0x7d;
    Less               "less"               0x56    0x61    0x13;
    F11                "f11"                0x57    0x78    0x56;
    F12                "f12"                0x58    0x07    0x5e;
    Print              "print"              0       0       0x57;
    Home               "home"               0xe047  0xe06c  0x6e;
    PageUp             "pgup"               0xe049  0xe07d  0x6f;
    PageDown           "pgdn"               0xe051  0xe07a  0x6d;
    End                "end"                0xe04f  0xe069  0x65;
    Left               "left"               0xe04b  0xe06b  0x61;
    Up                 "up"                 0xe048  0xe075  0x63;
    Down               "down"               0xe050  0xe072  0x60;
    Right              "right"              0xe04d  0xe074  0x6a;
    Insert             "insert"             0xe052  0xe070  0x67;
    Delete             "delete"             0xe053  0xe071  0x64;
    Stop               "stop"               0xe068  0xe028  0x0a;
    Again              "again"              0xe005  0       0x0b;
    Props              "props"              0xe006  0       0x0c;
    Undo               "undo"               0xe007  0       0x10;
    Front              "front"              0xe00c  0       0;
    Copy               "copy"               0xe078  0       0x18;
    Open               "open"               0x64    0       0x20;
    Paste              "paste"              0x65    0       0x28;
    Find               "find"               0xe041  0       0x30;
    Cut                "cut"                0xe03c  0       0x38;
    Lf                 "lf"                 0x5b    0       0;
    Help               "help"               0xe075  0       0x09;
    MetaL              "meta_l"             0xe05b  0xe01f  0x8b;
    MetaR              "meta_r"             0xe05c  0xe027  0x8c;
    Compose            "compose"            0xe05d  0xe02f  0x8d;
    Pause              "pause"              0       0       0x62;
    Ro                 "ro"                 0x73    0x51    0;
    Hiragana           "hiragana"           0x77    0x62    0;
    Henkan             "henkan"             0x79    0x64    0x86;
    Yen                "yen"                0x7d    0x6a    0x5d;
    Muhenkan           "muhenkan"           0x7b    0x67    0x85;
    KatakanaHiragana   "katakanahiragana"   0x70    0x13    0x87;
    KpComma            "kp_comma"           0x7e    0x6d    0;
    KpEquals           "kp_equals"          0x59    0x0f    0;
    Power              "power"              0xe05e  0xe037  0;
    Sleep              "sleep"              0xe05f  0xe03f  0;
    Wake               "wake"               0xe063  0xe05e  0;
    AudioNext          "audionext"          0xe019  0xe04d  0x93;
    AudioPrev          "audioprev"          0xe010  0xe015  0x94;
    AudioStop          "audiostop"          0xe024  0xe03b  0x98;
    AudioPlay          "audioplay"          0xe022  0xe034  0;
    AudioMute          "audiomute"          0xe020  0xe023  0x9c;
    VolumeUp           "volumeup"           0xe030  0xe032  0x95;
    VolumeDown         "volumedown"         0xe02e  0xe021  0x9d;
    MediaSelect        "mediaselect"        0xe06d  0xe050  0;
    Mail               "mail"               0xe06c  0xe048  0;
    Calculator         "calculator"         0xe021  0xe02b  0xa3;
    Computer           "computer"           0xe06b  0xe040  0;
    AcHome             "ac_home"            0xe032  0xe03a  0x97;
    AcBack             "ac_back"            0xe06a  0xe038  0;
    AcForward          "ac_forward"         0xe069  0xe030  0;
    AcRefresh          "ac_refresh"         0xe067  0xe020  0;
    AcBookmarks        "ac_bookmarks"       0xe066  0xe018  0;
    Lang1              "lang1"              0x72    0       0;
    Lang2              "lang2"              0x71    0       0;
}

impl FromStr for Key {
    type Err = UnknownKey;

    /// Finds a key by its name. `sysrq` is another name of `print`, and `asterisk` of `kp_multiply`.
    ///
    /// # Errors
    ///
    /// No key has that name.
    fn from_str(name: &str) -> Result<Self, UnknownKey> {
        Self::from_name(name).ok_or(UnknownKey)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The error of [`Key::from_str`]: no key has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnknownKey;

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no key has that name")
    }
}

impl core::error::Error for UnknownKey {}

/// A set of keys, one bit each: the first key in [`Key::ALL`] is bit 0 of byte 0. Bits beyond the last key are zero.
///
/// ```
/// use devstate_i8042::{Key, KeySet};
///
/// let mut keys = KeySet::EMPTY;
/// keys.set(Key::Shift, true);
/// assert!(keys.contains(Key::Shift) && !keys.contains(Key::ShiftR));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeySet(pub [u8; Self::LEN]);

impl KeySet {
    /// The length of a set in bytes.
    pub const LEN: usize = Key::ALL.len().div_ceil(8);

    /// The empty set.
    pub const EMPTY: Self = Self([0; Self::LEN]);

    /// The set of all keys.
    pub const ALL: Self = Self(Self::all());

    const fn all() -> [u8; Self::LEN] {
        let mut bytes = [0xff; Self::LEN];
        bytes[Self::LEN - 1] = 0xff >> (Self::LEN * 8 - Key::ALL.len());
        bytes
    }

    /// Returns `true` if the key is in the set.
    #[must_use]
    pub fn contains(&self, key: Key) -> bool {
        let (byte, bit) = Self::place(key);
        self.0.get(byte).is_some_and(|value| value & bit != 0)
    }

    /// Adds a key to the set (`true`) or removes it.
    pub fn set(&mut self, key: Key, present: bool) {
        let (byte, bit) = Self::place(key);
        if let Some(value) = self.0.get_mut(byte) {
            if present {
                *value |= bit;
            } else {
                *value &= !bit;
            }
        }
    }

    const fn place(key: Key) -> (usize, u8) {
        (key as usize / 8, 1 << (key as u8 % 8))
    }

    /// Checks that every bit belongs to a key. `field` is the name that the error reports.
    pub(crate) fn validate(&self, field: &'static str) -> Result<(), InvalidState> {
        // One pass without branches; only a set that is refused is searched.
        let bits = self.0.iter().zip(&Self::ALL.0);
        if bits.fold(0, |all, (value, keys)| all | value & !keys) == 0 {
            return Ok(());
        }
        Err(self.impossible(field))
    }

    #[cold]
    #[inline(never)]
    fn impossible(&self, field: &'static str) -> InvalidState {
        let mut bytes = (0u16..).zip(self.0.iter().zip(Self::ALL.0));
        let first = bytes.find(|(_, (value, keys))| **value & !keys != 0);
        let (index, value) = first.map(|(index, (value, _))| (index, *value)).unwrap_or_default();
        InvalidState::new(field, value.into(), "no key has that bit").at(index)
    }
}
