//! The keyboard.

use devstate_i8042::{ByteQueue, KeySet, KeyType, KeyboardOption, KeyboardState, ScanCodeSet, spec};
use devstate_qemu_section::{Losses, Refused};

use super::NO_COMMAND;
use super::ring::{MOST, contents, distance, invalid, ring};
use super::section::{Ps2KbdLeds, Ps2KbdNeedHighBit, Ps2KbdReplies, Ps2KbdSection};
use crate::bytes::fill;

const WITHOUT_BREAK_OR_REPEAT: &str = "QEMU's keyboard has no key types";

pub(super) fn import(
    section: &Ps2KbdSection,
    translated: bool,
    losses: &mut Losses<'_>,
) -> Result<KeyboardState, Refused> {
    let Ps2KbdSection {
        ref common,
        scan_enabled,
        translate,
        scancode_set,
        leds,
        need_high_bit,
        replies,
    } = *section;
    let set = u8::try_from(scancode_set).ok().and_then(ScanCodeSet::from_number);
    let Some(scan_code_set) = set else {
        return Err(invalid("scancode_set", scancode_set, "the sets are 1, 2 and 3").into());
    };
    if translated != (translate != 0) {
        losses.lose("translate", translate, "the same as bit 6 of the command byte")?;
    }
    if let Some(Ps2KbdNeedHighBit { need_high_bit }) = need_high_bit
        && need_high_bit != 0
    {
        losses.lose("need_high_bit", need_high_bit, "a key is translated by itself")?;
    }
    let ledstate = leds.map_or(0, |Ps2KbdLeds { ledstate }| ledstate);
    if ledstate & !i32::from(spec::keyboard::LEDS) != 0 {
        losses.ignore("ledstate", ledstate, "there are three LEDs")?;
    }
    let cwptr = replies.map_or(NO_COMMAND, |Ps2KbdReplies { cwptr }| cwptr);
    let bytes = contents(common)?;
    let replies = if cwptr == NO_COMMAND {
        0
    } else {
        distance(common, cwptr, "queue.cwptr")?
    };
    let (replies, codes) = bytes.as_slice().split_at_checked(replies).unwrap_or_default();
    let count = |reason| invalid("queue.count", common.count, reason);
    Ok(KeyboardState {
        option: option(common.write_cmd, losses)?,
        scan_code_set,
        scanning: scan_enabled != 0,
        leds: ledstate.cast_unsigned() as u8 & spec::keyboard::LEDS,
        replies: ByteQueue::from_slice(replies).ok_or_else(|| count("three of them are replies at most"))?,
        codes: ByteQueue::from_slice(codes).ok_or_else(|| count("16 of them are codes at most"))?,
        ..KeyboardState::RESET
    })
}

fn option(write_cmd: i32, losses: &mut Losses<'_>) -> Result<KeyboardOption, Refused> {
    Ok(match u8::try_from(write_cmd) {
        _ if write_cmd == NO_COMMAND => KeyboardOption::None,
        Ok(spec::keyboard::SET_LEDS) => KeyboardOption::Leds,
        Ok(spec::keyboard::SCAN_CODE_SET) => KeyboardOption::ScanCodeSet,
        Ok(spec::keyboard::SET_TYPEMATIC) => KeyboardOption::Typematic,
        Ok(spec::keyboard::KEY_MAKE_BREAK) => {
            losses.lose(
                "ps2kbd.write_cmd",
                write_cmd,
                "here it changes the types of keys until the next command",
            )?;
            KeyboardOption::Keys(KeyType::MakeBreak)
        }
        _ => {
            losses.lose("ps2kbd.write_cmd", write_cmd, "no command that waits for an option")?;
            KeyboardOption::None
        }
    })
}

pub(super) fn export(
    state: &KeyboardState,
    translated: bool,
    losses: &mut Losses<'_>,
) -> Result<Ps2KbdSection, Refused> {
    let KeyboardState {
        option,
        scan_code_set,
        scanning,
        leds,
        typematic,
        last_sent,
        ref replies,
        ref codes,
        overrun,
        held,
        sys_rq,
        without_break,
        without_repeat,
    } = *state;
    if typematic != spec::keyboard::TYPEMATIC_DEFAULT {
        losses.ignore(
            "keyboard.typematic",
            typematic,
            "QEMU's keyboard forgets it; repeats come from the host",
        )?;
    }
    if last_sent != KeyboardState::RESET.last_sent {
        losses.ignore("keyboard.last_sent", last_sent, "QEMU's keyboard does not resend")?;
    }
    if let Some(code) = overrun {
        losses.lose("keyboard.overrun", code, "QEMU's keyboard drops codes that do not fit")?;
    }
    if held != KeySet::EMPTY {
        losses.lose("keyboard.held", keys(held), "QEMU does not save which keys are down")?;
    }
    if sys_rq {
        losses.lose("keyboard.sys_rq", 1, "QEMU does not save which keys are down")?;
    }
    if without_break != KeySet::EMPTY {
        losses.lose("keyboard.without_break", keys(without_break), WITHOUT_BREAK_OR_REPEAT)?;
    }
    if without_repeat != KeySet::EMPTY {
        losses.lose("keyboard.without_repeat", keys(without_repeat), WITHOUT_BREAK_OR_REPEAT)?;
    }
    let write_cmd = match option {
        KeyboardOption::None => NO_COMMAND,
        KeyboardOption::Leds => spec::keyboard::SET_LEDS.into(),
        KeyboardOption::ScanCodeSet => spec::keyboard::SCAN_CODE_SET.into(),
        KeyboardOption::Typematic => spec::keyboard::SET_TYPEMATIC.into(),
        KeyboardOption::Keys(KeyType::MakeBreak) => {
            losses.lose(
                "keyboard.option",
                spec::keyboard::KEY_MAKE_BREAK,
                "QEMU's keyboard takes one key",
            )?;
            spec::keyboard::KEY_MAKE_BREAK.into()
        }
        KeyboardOption::Keys(KeyType::Typematic | KeyType::Make) => {
            losses.lose("keyboard.option", 1, WITHOUT_BREAK_OR_REPEAT)?;
            NO_COMMAND
        }
    };
    let mut bytes = ByteQueue::<MOST>::EMPTY;
    fill(&mut bytes, replies.as_slice());
    fill(&mut bytes, codes.as_slice());
    Ok(Ps2KbdSection {
        common: ring(write_cmd, bytes.as_slice()),
        scan_enabled: scanning.into(),
        translate: translated.into(),
        scancode_set: scan_code_set.number().into(),
        leds: (leds != 0).then(|| Ps2KbdLeds { ledstate: leds.into() }),
        need_high_bit: None,
        replies: (!replies.is_empty()).then(|| Ps2KbdReplies {
            cwptr: replies.len.into(),
        }),
    })
}

/// How many keys there are in the set.
fn keys(KeySet(bytes): KeySet) -> u32 {
    bytes.iter().map(|byte| byte.count_ones()).sum()
}
