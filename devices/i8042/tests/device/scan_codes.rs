//! What each key sends, next to what a live QEMU's keyboard sent; and the translation.

use devstate_i8042::{I8042State, Key, KeySet, ScanCodeSet};

use crate::support::{Guest, bench};

const RECORDED: &str = include_str!("../data/scan-codes.txt");

struct Row {
    set: ScanCodeSet,
    held: Vec<Key>,
    key: Key,
    pressed: bool,
    codes: Vec<u8>,
}

fn rows() -> impl Iterator<Item = Row> {
    RECORDED.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        Row {
            set: ScanCodeSet::from_number(words[0].parse().unwrap()).unwrap(),
            held: words[1]
                .split('+')
                .filter(|name| *name != "-")
                .map(|name| name.parse().unwrap())
                .collect(),
            key: words[2].parse().unwrap(),
            pressed: words[3] == "down",
            codes: words[4..]
                .iter()
                .map(|code| u8::from_str_radix(code, 16).unwrap())
                .collect(),
        }
    })
}

/// Returns the codes of the three keys of set 3 that share a code with another key in QEMU, and here do not.
fn not_as_recorded(row: &Row) -> Option<Vec<u8>> {
    let code = match (row.set, row.key) {
        (ScanCodeSet::Three, Key::KpDivide) => 0x77,
        (ScanCodeSet::Three, Key::KpSubtract) => 0x84,
        (ScanCodeSet::Three, Key::Hiragana) => return Some(Vec::new()),
        _ => return None,
    };
    Some(if row.pressed { vec![code] } else { vec![0xf0, code] })
}

#[test]
fn every_key_sends_what_was_recorded_in_every_set() {
    let mut count = 0;
    for row in rows() {
        let mut state = I8042State::RESET;
        state.keyboard.scan_code_set = row.set;
        for key in &row.held {
            state.keyboard.held.set(*key, true);
        }
        state.keyboard.held.set(row.key, !row.pressed);
        let alt = row.held.contains(&Key::Alt) || row.held.contains(&Key::AltR);
        state.keyboard.sys_rq = row.key == Key::Print && !row.pressed && alt;
        let (mut device, _) = crate::support::restored(&state);
        let name = format!("set {}, {:?} with {:?}", row.set.number(), row.key, row.held);
        let codes = not_as_recorded(&row).unwrap_or(row.codes);
        assert_eq!(device.scan_codes(row.key, row.pressed).as_slice(), codes, "{name}");
        assert!(device.key(row.key, row.pressed));
        assert_eq!(device.receive(), codes, "{name}");
        count += 1;
    }
    assert_eq!(count, 1208);
}

#[test]
fn keys_that_were_not_recorded_in_a_set_send_nothing_there() {
    for set in [ScanCodeSet::One, ScanCodeSet::Two, ScanCodeSet::Three] {
        let recorded = |key| rows().any(|row| row.set == set && row.key == key);
        for key in Key::ALL.iter().filter(|key| !recorded(**key)) {
            for pressed in [true, false] {
                assert!(key.scan_codes(pressed, set, &KeySet::EMPTY).is_empty(), "{key}");
            }
        }
    }
    assert!(Key::ALL.iter().all(|key| rows().any(|row| row.key == *key)));
}

/// In set 2 with translation a guest reads set 1, wherever the key is in both.
#[test]
fn translation_gives_set_1() {
    let mut compared = 0;
    for key in Key::ALL {
        for pressed in [true, false] {
            let (mut device, _) = bench();
            device.command_with(0x60, 0x40);
            device.key(*key, pressed);
            let translated = device.receive();
            if !translated.is_empty() {
                let set_1 = key.scan_codes(pressed, ScanCodeSet::One, &KeySet::EMPTY);
                assert_eq!(translated, set_1.as_slice(), "{key}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 265);
}

#[test]
fn well_known_keys_are_translated() {
    let known: [(u8, u8); 24] = [
        (0x76, 0x01),
        (0x16, 0x02),
        (0x66, 0x0e),
        (0x0d, 0x0f),
        (0x5a, 0x1c),
        (0x14, 0x1d),
        (0x1c, 0x1e),
        (0x12, 0x2a),
        (0x59, 0x36),
        (0x7c, 0x37),
        (0x11, 0x38),
        (0x29, 0x39),
        (0x58, 0x3a),
        (0x05, 0x3b),
        (0x83, 0x41),
        (0x09, 0x44),
        (0x77, 0x45),
        (0x7e, 0x46),
        (0x6c, 0x47),
        (0x71, 0x53),
        (0x84, 0x54),
        (0x61, 0x56),
        (0x78, 0x57),
        (0x07, 0x58),
    ];
    for (set_2, set_1) in known {
        let codes: Vec<_> = Key::ALL
            .iter()
            .filter(|key| key.scan_codes(true, ScanCodeSet::Two, &KeySet::EMPTY).as_slice() == [set_2])
            .collect();
        for key in codes {
            let (mut device, _) = bench();
            device.command_with(0x60, 0x40);
            device.key(*key, true);
            device.key(*key, false);
            assert_eq!(device.receive(), [set_1, set_1 | 0x80], "{key}");
        }
    }
}

#[test]
fn names_lead_to_keys_and_back() {
    for key in Key::ALL {
        assert_eq!(key.name().parse(), Ok(*key));
        assert_eq!(format!("{key:>20}").trim(), key.name());
    }
    assert_eq!("sysrq".parse(), Ok(Key::Print));
    assert_eq!("asterisk".parse(), Ok(Key::KpMultiply));
    assert_eq!(
        "unmapped".parse::<Key>().unwrap_err().to_string(),
        "no key has that name"
    );
}

#[test]
fn a_set_of_keys_holds_each_key_by_itself() {
    for key in Key::ALL {
        let mut keys = KeySet::EMPTY;
        keys.set(*key, true);
        assert_eq!(Key::ALL.iter().filter(|other| keys.contains(**other)).count(), 1);
        assert!(keys.contains(*key) && KeySet::ALL.contains(*key));
        keys.set(*key, false);
        assert_eq!(keys, KeySet::EMPTY);
    }
}

#[test]
fn no_two_keys_send_the_same_codes() {
    for set in [ScanCodeSet::One, ScanCodeSet::Two, ScanCodeSet::Three] {
        let codes = |key: &Key| key.scan_codes(true, set, &KeySet::EMPTY);
        for (index, key) in Key::ALL.iter().enumerate() {
            let others = Key::ALL[..index].iter();
            let same: Vec<_> = others
                .filter(|other| !codes(key).is_empty() && codes(other) == codes(key))
                .collect();
            assert!(same.is_empty(), "set {}: {key} and {same:?}", set.number());
        }
    }
}
