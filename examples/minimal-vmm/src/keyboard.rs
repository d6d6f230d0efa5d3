//! Keys by name and by letter, for whoever has no keyboard to press them on. The layout is the US one.

use anyhow::{Context, Result};
use devstate_i8042::Key;

/// Something that happens to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    pub key: Key,
    pub pressed: bool,
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
}
