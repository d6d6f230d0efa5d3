//! The rows of the keyboard.

use super::{I8042Rows, Subject, elsewhere};
use crate::subject::Stimulus;
use devstate_i8042::spec::{config, keyboard as spec};
use devstate_i8042::{
    ByteQueue, I8042State, Key, KeySet, KeyboardOption, KeyboardState, OutputBuffer, ScanCodeSet, spec as ports,
};
use serde_json::json;

impl Subject {
    /// The keyboard was sent a byte, and is in the state `wanted`: that becomes QEMU's.
    pub(super) fn keyboard_byte(&mut self, byte: u8, before: &I8042State, wanted: &mut I8042State) {
        let (before_it, after) = (&before.keyboard, wanted.keyboard);
        // The state where QEMU's only replies.
        let mut replied = KeyboardState {
            option: KeyboardOption::None,
            replies: ByteQueue::from_array([spec::ACK]),
            ..*before_it
        };
        match before_it.option {
            KeyboardOption::Keys(_) => {
                let as_documented = if byte < spec::FIRST_COMMAND && is_code_of_set_3(byte) {
                    after.option == before_it.option
                        && after.replies.as_slice() == [spec::ACK]
                        && after.without_repeat != KeySet::EMPTY
                } else {
                    after == as_a_command(byte, before)
                };
                if after != replied {
                    self.row(I8042Rows::KeyboardKeyTypes, as_documented);
                }
            }
            KeyboardOption::None => match byte {
                spec::ALL_TYPEMATIC..=spec::ALL_MAKE => {
                    let all = |is_there| if is_there { KeySet::ALL } else { KeySet::EMPTY };
                    let as_documented = after.replies.as_slice() == [spec::ACK]
                        && after.without_break == all(byte != spec::ALL_MAKE_BREAK)
                        && after.without_repeat == all(byte != spec::ALL_TYPEMATIC);
                    self.row(I8042Rows::KeyboardKeyTypes, as_documented);
                    replied.replies = ByteQueue::from_array([spec::NAK]);
                }
                spec::KEY_TYPEMATIC | spec::KEY_MAKE => {
                    let waits = matches!(after.option, KeyboardOption::Keys(_));
                    self.row(
                        I8042Rows::KeyboardKeyTypes,
                        waits && after.replies.as_slice() == [spec::ACK],
                    );
                    replied.replies = ByteQueue::from_array([spec::NAK]);
                }
                spec::RESEND => {
                    replied.replies = ByteQueue::from_array([spec::NAK]);
                    if after != replied {
                        self.row(
                            I8042Rows::KeyboardResend,
                            after.replies.as_slice() == [before_it.last_sent],
                        );
                    }
                }
                _ => return,
            },
            option if byte >= spec::FIRST_COMMAND => {
                if option == KeyboardOption::ScanCodeSet {
                    replied.replies = ByteQueue::from_array([spec::NAK]);
                }
                self.row(I8042Rows::KeyboardCommandForOption, after == as_a_command(byte, before));
            }
            KeyboardOption::Typematic if byte & !spec::TYPEMATIC != 0 => {
                let rejected = after.replies.as_slice() == [spec::NAK] && after.typematic == before_it.typematic;
                self.row(I8042Rows::KeyboardTypematicRange, rejected);
            }
            _ => return,
        }
        wanted.keyboard = replied;
    }

    /// A key goes down or up.
    pub(super) fn key(&mut self, key: Key, pressed: bool) {
        let before = self.state();
        let translated = before.config & config::TRANSLATE != 0;
        let theirs = their_codes(&before.keyboard, key, pressed);
        let ours = self.device.scan_codes(key, pressed);
        let ours = ours.as_slice();
        let taken = self.device.key(key, pressed);
        let after = self.state();
        let mut wanted = queued_as_sent(&before, key, pressed, &theirs);
        if !before.keyboard.scanning {
            (wanted.keyboard.held, wanted.keyboard.sys_rq) = (before.keyboard.held, before.keyboard.sys_rq);
        }
        if after != wanted {
            let explained = [
                ours != theirs && self.explain_other_codes(ours, key, pressed, &before, &after),
                !before.keyboard.scanning && self.explain_held(key, pressed, &before, &after),
                self.explain_lost_codes(&sent(ours, &before), taken, &before, &after),
            ];
            if !explained.contains(&true) {
                wanted = after;
            }
        }
        if translated && let Some(last) = theirs.last() {
            if self.theirs.break_prefix {
                let its_own = wanted.keyboard.codes;
                wanted = queued_as_sent(&before, key, pressed, &[&[PREFIX], &theirs[..]].concat());
                if wanted.keyboard.codes != its_own {
                    // Ours has its own codes, or a row of those above.
                    self.row(I8042Rows::KeyboardPrefixAtTheEnd, true);
                }
            }
            self.theirs.break_prefix = *last == PREFIX;
        }
        self.become_theirs(&before, &mut wanted);
    }

    /// Whether there is a row for codes that are not those of QEMU's.
    fn explain_other_codes(
        &mut self,
        ours: &[u8],
        key: Key,
        pressed: bool,
        before: &I8042State,
        after: &I8042State,
    ) -> bool {
        let keyboard = &before.keyboard;
        let waits = !keyboard.replies.is_empty() || !keyboard.codes.is_empty();
        let inhibited = waits || before.config & config::KEYBOARD_DISABLED != 0;
        if pressed && keyboard.held.contains(key) && inhibited {
            self.row(I8042Rows::KeyboardRepeats, ours.is_empty() && after == before);
        } else if key == Key::Print && keyboard.held.contains(key) {
            let is_sys_rq = ours.iter().any(|code| [0x54, 0xd4, 0x84].contains(code));
            self.row(I8042Rows::KeyboardSystemRequest, is_sys_rq == keyboard.sys_rq);
        } else if let Some((code, _)) = of_set_3(key).filter(|_| keyboard.scan_code_set == ScanCodeSet::Three) {
            let as_documented = match (code, pressed) {
                (0, _) => ours.is_empty(),
                (code, true) => ours == [code],
                (code, false) => ours == [PREFIX, code],
            };
            self.row(I8042Rows::KeyboardSet3Codes, as_documented);
        } else {
            return false;
        }
        true
    }

    /// Whether there is a row for a key that moves while scanning is disabled.
    fn explain_held(&mut self, key: Key, pressed: bool, before: &I8042State, after: &I8042State) -> bool {
        let mut followed = before.keyboard;
        followed.held.set(key, pressed);
        followed.sys_rq = after.keyboard.sys_rq;
        self.row(I8042Rows::KeyboardHeldWhileDisabled, after.keyboard == followed);
        true
    }

    /// Whether there is a row for that: these codes had no room in QEMU's.
    fn explain_lost_codes(&mut self, sent: &[u8], taken: bool, before: &I8042State, after: &I8042State) -> bool {
        let keyboard = &before.keyboard;
        let len = usize::from(keyboard.codes.len) + sent.len();
        if len > usize::from(spec::BUFFER) {
            let translated = before.config & config::TRANSLATE != 0;
            let code = match keyboard.scan_code_set {
                ScanCodeSet::Two | ScanCodeSet::Three if !translated => spec::OVERRUN,
                _ => spec::OVERRUN_SET_1,
            };
            let expected = [keyboard.codes.as_slice(), &[code]].concat();
            let as_documented = !taken && read_out(after).ends_with(&expected);
            self.row(I8042Rows::KeyboardOverrun, as_documented);
            true
        } else if len + usize::from(keyboard.replies.len) > usize::from(spec::BUFFER) {
            let expected = [keyboard.codes.as_slice(), sent].concat();
            let as_documented = taken && read_out(after).ends_with(&expected);
            self.row(I8042Rows::KeyboardRepliesNeedNoRoom, as_documented);
            true
        } else {
            false
        }
    }
}

/// The keys of set 3 that share a code with another key in QEMU: our code, and QEMU's.
fn of_set_3(key: Key) -> Option<(u8, u8)> {
    match key {
        Key::KpDivide => Some((0x77, 0x4a)),
        Key::KpSubtract => Some((0x84, 0x4e)),
        Key::Hiragana => Some((0, 0x87)),
        _ => None,
    }
}

/// What QEMU's keyboard sends.
fn their_codes(keyboard: &KeyboardState, key: Key, pressed: bool) -> Vec<u8> {
    if !keyboard.scanning {
        return Vec::new();
    }
    if let Some((_, code)) = of_set_3(key).filter(|_| keyboard.scan_code_set == ScanCodeSet::Three) {
        return if pressed { vec![code] } else { vec![PREFIX, code] };
    }
    let mut held = keyboard.held;
    held.set(key, pressed);
    key.scan_codes(pressed, keyboard.scan_code_set, &held)
        .as_slice()
        .to_vec()
}

/// What comes of the codes on their way through the controller.
fn sent(codes: &[u8], before: &I8042State) -> Vec<u8> {
    let empty = I8042State {
        config: before.config,
        ..I8042State::RESET
    };
    let queued = queued_as_sent(&empty, Key::A, true, codes);
    queued.keyboard.codes.as_slice().to_vec()
}

/// The same as an event of QEMU's.
pub(super) fn as_event(key: Key, pressed: bool) -> Stimulus {
    let key = json!({"type": "qcode", "data": key.name()});
    let event = json!({"type": "key", "data": {"key": key, "down": pressed}});
    Stimulus::Qmp("input-send-event", json!({"events": [event]}))
}

/// What goes before the code of a key that goes up, in sets 2 and 3.
const PREFIX: u8 = 0xf0;

/// QEMU's drops byte by byte what finds no room.
fn queued_as_sent(before: &I8042State, key: Key, pressed: bool, codes: &[u8]) -> I8042State {
    elsewhere(before, |device| {
        device.key_as_sent(key, pressed, codes);
    })
}

/// What the guest will read of the keyboard.
fn read_out(state: &I8042State) -> Vec<u8> {
    let mut read = Vec::new();
    elsewhere(state, |device| {
        device.write(ports::COMMAND, ports::controller::ENABLE_KEYBOARD);
        loop {
            let owner = device.state().output_buffer;
            let byte = device.read(ports::DATA);
            match owner {
                OutputBuffer::Empty => break,
                OutputBuffer::Keyboard => read.push(byte),
                OutputBuffer::Controller | OutputBuffer::Mouse => {}
            }
        }
    });
    read
}

fn is_code_of_set_3(byte: u8) -> bool {
    let code = |key: &Key| key.scan_codes(true, ScanCodeSet::Three, &KeySet::EMPTY);
    Key::ALL.iter().any(|key| code(key).as_slice() == [byte])
}

/// What comes of the byte where no option is waited for.
fn as_a_command(byte: u8, before: &I8042State) -> KeyboardState {
    let mut state = *before;
    state.keyboard.option = KeyboardOption::None;
    elsewhere(&state, |device| device.write(ports::DATA, byte)).keyboard
}
