//! Keys by name and by letter, for whoever has no keyboard to press them on. The layout is the US one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use devstate_i8042::Key;

/// Something that happens to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    pub key: Key,
    pub pressed: bool,
}

/// How long the guest may take to read a key.
const KEY_PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to read all keys of one request.
const KEYS_PATIENCE: Duration = Duration::from_mins(1);

/// Keys that are pressed at the pace at which the guest reads them.
#[derive(Debug)]
pub struct Typing {
    left: VecDeque<KeyEvent>,
    /// Pressed and not released again.
    down: Vec<Key>,
    started: Instant,
    /// When the last key was taken.
    moved: Instant,
}

impl Typing {
    pub fn new(events: Vec<KeyEvent>) -> Self {
        let now = Instant::now();
        Self {
            left: events.into(),
            down: Vec::new(),
            started: now,
            moved: now,
        }
    }

    /// Presses what can be pressed now. `key` returns `false` while the guest has not read the key before. Returns `None`
    /// while some are left.
    pub fn poll(&mut self, mut key: impl FnMut(KeyEvent) -> Result<bool>) -> Result<Option<()>> {
        while let Some(&event) = self.left.front() {
            if !key(event)? {
                ensure!(
                    self.moved.elapsed() < KEY_PATIENCE,
                    "the guest does not read its keyboard"
                );
                ensure!(
                    self.started.elapsed() < KEYS_PATIENCE,
                    "the guest reads its keyboard too slowly: {} events are left",
                    self.left.len()
                );
                return Ok(None);
            }
            self.left.pop_front();
            self.down.retain(|down| *down != event.key);
            if event.pressed {
                self.down.push(event.key);
            }
            self.moved = Instant::now();
        }
        Ok(Some(()))
    }

    /// Releases the keys that are down, the last one first.
    pub fn release(&mut self, mut key: impl FnMut(KeyEvent)) {
        while let Some(down) = self.down.pop() {
            key(KeyEvent {
                key: down,
                pressed: false,
            });
        }
    }
}

/// What a name such as `a`, `ctrl-c`, `ctrl:down` or `ctrl:up` asks for.
pub fn named(name: &str) -> Result<Vec<KeyEvent>> {
    let (names, down, up) = match name.split_once(':') {
        Some((names, "down")) => (names, true, false),
        Some((names, "up")) => (names, false, true),
        _ => (name, true, true),
    };
    let key = |name: &str| name.parse().ok().with_context(|| format!("there is no key `{name}`"));
    let keys = names.split('-').map(key).collect::<Result<Vec<_>>>()?;
    Ok(chord(&keys)
        .filter(|event| if event.pressed { down } else { up })
        .collect())
}

/// The keys that type a text.
pub fn text(text: &str) -> Result<Vec<KeyEvent>> {
    let mut events = Vec::new();
    for letter in text.chars() {
        let (key, shift) = on_us_layout(letter).with_context(|| format!("no key types {letter:?}"))?;
        let keys = [Key::Shift, key];
        events.extend(chord(if shift { &keys } else { &keys[1..] }));
    }
    Ok(events)
}

/// Keys that are held together: pressed in this order and released in the other.
fn chord(keys: &[Key]) -> impl Iterator<Item = KeyEvent> {
    let event = |pressed| move |&key| KeyEvent { key, pressed };
    keys.iter().map(event(true)).chain(keys.iter().rev().map(event(false)))
}

fn on_us_layout(letter: char) -> Option<(Key, bool)> {
    const PLAIN: &str = "`1234567890-=[]\\;',./ \n\t";
    const SHIFTED: &str = "~!@#$%^&*()_+{}|:\"<>?";
    const NAMES: &str = "grave_accent 1 2 3 4 5 6 7 8 9 0 minus equal bracket_left bracket_right backslash semicolon \
                         apostrophe comma dot slash spc ret tab";
    if letter.is_ascii_alphabetic() {
        let name = letter.to_ascii_lowercase().to_string();
        return Some((name.parse().ok()?, letter.is_ascii_uppercase()));
    }
    let (at, shift) = match PLAIN.find(letter) {
        Some(at) => (at, false),
        None => (SHIFTED.find(letter)?, true),
    };
    Some((NAMES.split_whitespace().nth(at)?.parse().ok()?, shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(events: &[KeyEvent]) -> String {
        let sign = |pressed| if pressed { '+' } else { '-' };
        let words = events
            .iter()
            .map(|event| format!("{}{}", sign(event.pressed), event.key));
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_text_is_typed_as_on_a_us_keyboard() -> Result<()> {
        assert_eq!(written(&text("a\n")?), "+a -a +ret -ret");
        assert_eq!(written(&text("A?")?), "+shift +a -a -shift +shift +slash -slash -shift");
        for letter in ' '..='~' {
            assert!(on_us_layout(letter).is_some(), "{letter}");
        }
        assert!(text("ü").is_err());
        Ok(())
    }

    #[test]
    fn a_key_is_named_with_or_without_what_happens_to_it() -> Result<()> {
        assert_eq!(written(&named("esc")?), "+esc -esc");
        assert_eq!(written(&named("ctrl:down")?), "+ctrl");
        assert_eq!(written(&named("ctrl:up")?), "-ctrl");
        assert!(named("ctrl:sideways").is_err());
        assert_eq!(
            written(&named("ctrl-alt-delete")?),
            "+ctrl +alt +delete -delete -alt -ctrl"
        );
        assert_eq!(written(&named("ctrl-c:up")?), "-c -ctrl");
        Ok(())
    }

    /// Keys go as fast as the guest reads them. What is down when it stops reading is released.
    #[test]
    fn keys_that_the_guest_does_not_read_are_released() -> Result<()> {
        let mut typing = Typing::new(text("AB")?);
        // The guest reads five events, at two a look.
        let (mut seen, mut reads) = (Vec::new(), 5);
        let mut look = |typing: &mut Typing, mut at_once: i32| {
            typing.poll(|event| {
                let taken = reads > 0 && at_once > 0;
                if taken {
                    seen.push(event);
                    (reads, at_once) = (reads - 1, at_once - 1);
                }
                Ok(taken)
            })
        };
        for _ in 0..4 {
            assert_eq!(look(&mut typing, 2)?, None);
        }
        typing.moved = Instant::now().checked_sub(KEY_PATIENCE).context("booted just now")?;
        let refusal = look(&mut typing, 2).unwrap_err().to_string();
        assert_eq!(refusal, "the guest does not read its keyboard");
        typing.release(|event| seen.push(event));
        assert_eq!(written(&seen), "+shift +a -a -shift +shift -shift");

        let mut slow = Typing::new(text("a")?);
        slow.started = Instant::now().checked_sub(KEYS_PATIENCE).context("booted just now")?;
        let refusal = slow.poll(|_| Ok(false)).unwrap_err().to_string();
        assert!(refusal.ends_with("too slowly: 2 events are left"), "{refusal}");
        assert_eq!(slow.poll(|_| Ok(true))?, Some(()));
        Ok(())
    }
}
