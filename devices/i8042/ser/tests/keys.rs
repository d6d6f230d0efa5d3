//! The bits of the sets of keys are wire format, which no layout shows: they are held to their list.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a list that cannot be read is a failure"
)]

use devstate_i8042::{Key, KeySet, KeyboardState};
use devstate_i8042_ser::KeyboardStateSer;

const LIST: &str = include_str!("../KEYS.md");

/// Bit, byte, mask and key of each row.
fn rows() -> impl Iterator<Item = (usize, usize, u8, Key)> {
    LIST.lines()
        .filter(|line| line.starts_with('|') && line.contains("0x"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let [_, bit, byte, mask, key, _] = cells[..] else {
                panic!("{line}")
            };
            let mask = u8::from_str_radix(mask.trim_start_matches("0x"), 16).unwrap();
            (bit.parse().unwrap(), byte.parse().unwrap(), mask, key.parse().unwrap())
        })
}

#[test]
fn every_key_has_the_bit_that_the_list_gives_it() {
    assert_eq!(rows().count(), Key::ALL.len(), "KEYS.md needs a row for each key");
    for (expected, (bit, byte, mask, key)) in rows().enumerate() {
        assert_eq!(bit, expected, "{key}");
        let mut held = KeySet::EMPTY;
        held.set(key, true);
        let mirror = KeyboardStateSer::new(&KeyboardState {
            held,
            ..KeyboardState::RESET
        });
        let mut bytes = [0; 19];
        bytes[byte] = mask;
        assert_eq!(mirror.held, bytes, "{key}");
        assert_eq!((byte, mask), (bit / 8, 1 << (bit % 8)), "{key}");
    }
}
