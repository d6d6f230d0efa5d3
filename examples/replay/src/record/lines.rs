//! From lines of QEMU's log to lines of a trace.

use super::serial::{Access, Arrivals};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::str::FromStr;

/// QEMU's numbers for keys are the positions here.
const KEYS: &str = "\
    unmapped shift shift_r alt alt_r ctrl ctrl_r menu esc 1 2 3 4 5 6 7 8 9 0 minus equal backspace tab q w e r t y \
    u i o p bracket_left bracket_right ret a s d f g h j k l semicolon apostrophe grave_accent backslash z x c v b \
    n m comma dot slash asterisk spc caps_lock f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 num_lock scroll_lock kp_divide \
    kp_multiply kp_subtract kp_add kp_enter kp_decimal sysrq kp_0 kp_1 kp_2 kp_3 kp_4 kp_5 kp_6 kp_7 kp_8 kp_9 less \
    f11 f12 print home pgup pgdn end left up down right insert delete stop again props undo front copy open paste \
    find cut lf help meta_l meta_r compose pause ro hiragana henkan yen muhenkan katakanahiragana kp_comma \
    kp_equals power sleep wake audionext audioprev audiostop audioplay audiomute volumeup volumedown mediaselect \
    mail calculator computer ac_home ac_back ac_forward ac_refresh ac_bookmarks lang1 lang2";

/// A line that is no event of QEMU's: the clock's value when the devices were saved. The guest did not see it, but the
/// time until then is not to pass once more.
pub(super) const CLOCK_AT_SAVE: &str = "pl031_at_save";

/// A line of the trace, or what is not yet one.
enum Entry {
    Line(String),
    Serial(Access),
    /// A packet as QEMU logs it: the last byte of it in place of its buttons.
    Packet {
        x: i16,
        y: i16,
        z: i16,
        last: u8,
    },
}

/// The lines of the trace that a log tells of.
pub(crate) fn events(log: &str) -> Result<Vec<String>> {
    let mut entries = Vec::new();
    let mut clock = Clock::default();
    for (number, line) in (1..).zip(log.lines()) {
        take_in(line, &mut entries, &mut clock).with_context(|| format!("line {number} of the log: {line}"))?;
    }
    let mut arrivals = Arrivals::new(entries.iter().filter_map(|entry| match entry {
        Entry::Serial(access) => Some(*access),
        _ => None,
    }));
    let from_mouse = from_mouse(&entries);
    let mut unclaimed = from_mouse.as_slice();
    let mut lines = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        match entry {
            Entry::Line(line) => lines.push(line),
            Entry::Serial(access) => {
                lines.extend(arrivals.before(access));
                let Access { write, register, value } = access;
                lines.push(format!(
                    "serial {} {register:x} {value:02x}",
                    if write { 'w' } else { 'r' }
                ));
            }
            Entry::Packet { x, y, z, last } => {
                let later = unclaimed
                    .iter()
                    .position(|(read, _)| *read > index)
                    .unwrap_or(unclaimed.len());
                unclaimed = unclaimed.get(later..).unwrap_or_default();
                lines.push(packet(x, y, z, last, &mut unclaimed));
            }
        }
    }
    Ok(lines)
}

fn take_in(line: &str, entries: &mut Vec<Entry>, clock: &mut Clock) -> Result<()> {
    // With time stamps a line begins with `pid@seconds:`.
    let line = line
        .split_once('@')
        .and_then(|(_, rest)| rest.split_once(':'))
        .map_or(line, |(_, rest)| rest);
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let mut push = |line: String| entries.push(Entry::Line(line));
    if line.starts_with('#') {
        push(line.to_owned());
        return Ok(());
    }
    match words[..] {
        [
            "serial_read" | "serial_write",
            direction,
            "addr",
            register,
            "val",
            value,
        ] => {
            entries.push(Entry::Serial(Access {
                write: direction == "write",
                register: number(register)? as u8,
                value: number(value)? as u8,
            }));
        }
        ["pckbd_kbd_read_status", value] => push(format!("i8042 r 64 {:02x}", number(value)?)),
        ["pckbd_kbd_read_data", value] => push(format!("i8042 r 60 {:02x}", number(value)?)),
        ["pckbd_kbd_write_command", value] => push(format!("i8042 w 64 {:02x}", number(value)?)),
        ["pckbd_kbd_write_data", value] => push(format!("i8042 w 60 {:02x}", number(value)?)),
        ["ps2_keyboard_event", _, "qcode", code, "down", down, ..] => {
            let name = KEYS
                .split_ascii_whitespace()
                .nth(code.parse()?)
                .context("no such key")?;
            push(format!("i8042 key {name} {}", if down == "1" { "down" } else { "up" }));
        }
        ["ps2_put_keycode", _, "keycode", code] => {
            let code = number(code)?;
            let key = entries.iter_mut().rev().find_map(|entry| match entry {
                Entry::Line(line) if line.starts_with("i8042 key ") => Some(line),
                _ => None,
            });
            write!(key.context("a code without a key")?, " {code:02x}")?;
        }
        ["ps2_mouse_send_packet", _, "x", x, "y", y, "z", z, "bs", last] => entries.push(Entry::Packet {
            x: decimal(x)?,
            y: decimal(y)?,
            z: decimal(z)?,
            last: number(last)? as u8,
        }),
        ["pl031_read", "addr", register, "value", value] => {
            let (register, value) = (number(register)?, number(value)?);
            if register == 0 {
                clock.reads(value).into_iter().for_each(&mut push);
            }
            push(format!("rtc r {register:x} {value:x}"));
        }
        ["pl031_write", "addr", register, "value", value] => {
            let (register, value) = (number(register)?, number(value)?);
            clock.is_written(register, value);
            push(format!("rtc w {register:x} {value:x}"));
        }
        [CLOCK_AT_SAVE, value] => clock
            .shows
            .and_then(|_| clock.reads(number(value).ok()?))
            .into_iter()
            .for_each(push),
        ["pl031_alarm_raised", ..] => clock.rings().into_iter().for_each(push),
        ["pl031_irq_state", .., level] => push(format!("rtc irq {level}")),
        _ => {}
    }
    Ok(())
}

/// What has to be known of a PL031 to say how much time passed.
#[derive(Default)]
struct Clock {
    shows: Option<u32>,
    alarm: u32,
}

impl Clock {
    /// The guest reads the time.
    fn reads(&mut self, value: u32) -> Option<String> {
        match self.shows.replace(value) {
            None => Some(format!("rtc epoch {value}")),
            Some(before) if before == value => None,
            Some(before) => Some(format!("rtc elapse {}", value.wrapping_sub(before))),
        }
    }

    fn is_written(&mut self, register: u32, value: u32) {
        match register {
            4 => self.alarm = value,
            8 => self.shows = Some(value),
            _ => {}
        }
    }

    /// The alarm goes off: the time is what it was set to, or a little later.
    fn rings(&mut self) -> Option<String> {
        let ahead = self.alarm.wrapping_sub(self.shows?);
        (1..1 << 31).contains(&ahead).then(|| self.reads(self.alarm)).flatten()
    }
}

/// Bytes that the guest read from the mouse, and after which entry.
fn from_mouse(entries: &[Entry]) -> Vec<(usize, u8)> {
    let mut bytes = Vec::new();
    let mut status = 0;
    for (index, entry) in entries.iter().enumerate() {
        let Entry::Line(line) = entry else { continue };
        if let Some(value) = line.strip_prefix("i8042 r 64 ") {
            status = u8::from_str_radix(value, 16).unwrap_or(0);
        } else if let Some(value) = line.strip_prefix("i8042 r 60 ")
            && status & 0x21 == 0x21
        {
            bytes.push((index, u8::from_str_radix(value, 16).unwrap_or(0)));
            status = 0;
        }
    }
    bytes
}

/// A packet's line. Its buttons stand in the first byte that the guest will read of it, and in the last where there are
/// five.
fn packet(x: i16, y: i16, z: i16, last: u8, unclaimed: &mut &[(usize, u8)]) -> String {
    let middle = [x.cast_unsigned() as u8, y.cast_unsigned() as u8];
    let begins =
        |window: &[(usize, u8)]| matches!(window, [(_, first), (_, x), (_, y)] if first & 8 != 0 && [*x, *y] == middle);
    let Some(start) = unclaimed.windows(3).position(begins) else {
        return format!("i8042 mouse {x} {y} {z} {:x}", last & 7);
    };
    let rest = unclaimed.get(start..).unwrap_or_default();
    let first = rest.first().map_or(0, |(_, byte)| *byte);
    *unclaimed = rest.get(3..).unwrap_or_default();
    // Only a mouse with five buttons has its last byte where the log otherwise repeats the first.
    let five_buttons = last != first && unclaimed.first().is_some_and(|(_, byte)| *byte == last);
    match (five_buttons, last & 0x40 != 0) {
        (true, true) => format!(
            "i8042 mouse {x} {y} 0 {:x} {}",
            first & 7,
            (last << 2).cast_signed() >> 2
        ),
        (true, false) => format!("i8042 mouse {x} {y} {z} {:x}", first & 7 | (last & 0x30) >> 1),
        (false, _) => format!("i8042 mouse {x} {y} {z} {:x}", first & 7),
    }
}

fn number(word: &str) -> Result<u32> {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    u32::from_str_radix(digits, 16).with_context(|| format!("{word} is no number"))
}

fn decimal<T: FromStr>(word: &str) -> Result<T> {
    word.parse().ok().with_context(|| format!("{word} is no number"))
}
