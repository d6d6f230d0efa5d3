//! Key events from key names or text (US layout). The [page of the crate](crate) has an example.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use std::{error, fmt};

use devstate_i8042::Key;

/// A key that is pressed or released.
///
/// ```
/// use devstate_host::Key;
/// use devstate_host::keyboard::{self, KeyEvent};
///
/// let down = KeyEvent { key: Key::Ctrl, pressed: true };
/// assert_eq!(keyboard::named("ctrl:down")?, [down]);
/// # Ok::<(), keyboard::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// The key.
    pub key: Key,
    /// `true` if it is pressed, `false` if it is released.
    pub pressed: bool,
}

/// How long the guest may take to read a key.
const KEY_PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to read all keys of one request.
const KEYS_PATIENCE: Duration = Duration::from_secs(60);

/// Sends key events at the pace at which the guest reads them. The guest has 10 s to read each event, and one minute for all.
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
    /// Prepares `events` for [`poll`](Self::poll). The time limits start now.
    #[must_use]
    pub fn new(events: Vec<KeyEvent>) -> Self {
        let now = Instant::now();
        Self {
            left: events.into(),
            down: Vec::new(),
            started: now,
            moved: now,
        }
    }

    /// Sends the events that the guest can take now. `key` sends one event. It returns `false` if the guest has not read the
    /// previous event; then the next `poll` tries the same event again.
    ///
    /// # Errors
    ///
    /// Returns [`TypingError`] if the guest is too slow, or the error of `key`. Then [`release`](Self::release) the keys that
    /// are down.
    pub fn poll<E: From<TypingError>>(
        &mut self,
        mut key: impl FnMut(KeyEvent) -> Result<bool, E>,
    ) -> Result<Progress, E> {
        while let Some(&event) = self.left.front() {
            if !key(event)? {
                let left = self.left.len();
                if self.moved.elapsed() >= KEY_PATIENCE {
                    return Err(TypingError::Unread { left }.into());
                }
                if self.started.elapsed() >= KEYS_PATIENCE {
                    return Err(TypingError::TooSlow { left }.into());
                }
                return Ok(Progress::Waiting);
            }
            self.left.pop_front();
            self.down.retain(|down| *down != event.key);
            if event.pressed {
                self.down.push(event.key);
            }
            self.moved = Instant::now();
        }
        Ok(Progress::Done)
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

/// The progress of a [`Typing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// Events are left, because the guest has not read the previous one: call [`poll`](Typing::poll) again soon.
    Waiting,
    /// All events are sent.
    Done,
}

/// Returns the events for a name such as `a`, `ctrl-c`, `ctrl:down` or `ctrl:up`.
///
/// The names of the keys are lower case, as [`Key::name`] returns them. [`Key::ALL`] lists the keys.
///
/// # Errors
///
/// Returns [`KeyError::Unknown`] if there is no such key.
pub fn named(name: &str) -> Result<Vec<KeyEvent>, KeyError> {
    let (names, down, up) = match name.split_once(':') {
        Some((names, "down")) => (names, true, false),
        Some((names, "up")) => (names, false, true),
        _ => (name, true, true),
    };
    let key = |name: &str| name.parse().map_err(|_| KeyError::Unknown(name.to_owned()));
    let keys = names.split('-').map(key).collect::<Result<Vec<_>, _>>()?;
    Ok(chord(&keys)
        .filter(|event| if event.pressed { down } else { up })
        .collect())
}

/// Returns the events that type a text on a US keyboard.
///
/// # Errors
///
/// Returns [`KeyError::NotTypable`] if no key types one of its characters.
pub fn text(text: &str) -> Result<Vec<KeyEvent>, KeyError> {
    let mut events = Vec::new();
    for letter in text.chars() {
        let (key, shift) = on_us_layout(letter).ok_or(KeyError::NotTypable(letter))?;
        let keys: &[Key] = if shift { &[Key::Shift, key] } else { &[key] };
        events.extend(chord(keys));
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

/// An unknown key or character.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no key with this name.
    Unknown(String),
    /// No key of a US keyboard types this character.
    NotTypable(char),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "there is no key `{}`", name.escape_debug()),
            Self::NotTypable(letter) => write!(f, "no key types {letter:?}"),
        }
    }
}

impl error::Error for KeyError {}

/// The guest did not read its keyboard in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypingError {
    /// The guest has not read a key for 10 s.
    Unread {
        /// The number of events that are left.
        left: usize,
    },
    /// The guest has not read all keys within one minute.
    TooSlow {
        /// The number of events that are left.
        left: usize,
    },
}

impl fmt::Display for TypingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread { left } => write!(f, "the guest does not read its keyboard: {left} events are left"),
            Self::TooSlow { left } => write!(f, "the guest reads its keyboard too slowly: {left} events are left"),
        }
    }
}

impl error::Error for TypingError {}

#[cfg(test)]
mod tests {
    type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

    use super::*;

    fn written(events: &[KeyEvent]) -> String {
        let sign = |pressed| if pressed { '+' } else { '-' };
        let words = events
            .iter()
            .map(|event| format!("{}{}", sign(event.pressed), event.key));
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_text_is_typed_as_on_a_us_keyboard() -> Result {
        assert_eq!(written(&text("a\n")?), "+a -a +ret -ret");
        assert_eq!(written(&text("A?")?), "+shift +a -a -shift +shift +slash -slash -shift");
        for letter in ' '..='~' {
            assert!(on_us_layout(letter).is_some(), "{letter}");
        }
        assert!(text("ü").is_err());
        Ok(())
    }

    #[test]
    fn a_key_is_named_with_or_without_what_happens_to_it() -> Result {
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
    fn keys_that_the_guest_does_not_read_are_released() -> Result {
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
                Ok::<_, TypingError>(taken)
            })
        };
        for _ in 0..4 {
            assert_eq!(look(&mut typing, 2)?, Progress::Waiting);
        }
        let long_ago = Instant::now().checked_sub(KEY_PATIENCE).ok_or("booted just now")?;
        typing.moved = long_ago;
        let refusal = look(&mut typing, 2).unwrap_err().to_string();
        assert_eq!(refusal, "the guest does not read its keyboard: 3 events are left");
        typing.release(|event| seen.push(event));
        assert_eq!(written(&seen), "+shift +a -a -shift +shift -shift");

        let mut chord = Typing::new(named("ctrl-alt-delete:down")?);
        assert_eq!(chord.poll(|_| Ok::<_, TypingError>(true))?, Progress::Done);
        seen.clear();
        chord.release(|event| seen.push(event));
        assert_eq!(written(&seen), "-delete -alt -ctrl");

        // A key that is taken now starts the wait again.
        let mut going_on = Typing::new(text("a")?);
        going_on.moved = long_ago;
        let mut one = Some(());
        let progress = going_on.poll(|_| Ok::<_, TypingError>(one.take().is_some()))?;
        assert_eq!(progress, Progress::Waiting);

        let mut slow = Typing::new(text("a")?);
        slow.started = Instant::now().checked_sub(KEYS_PATIENCE).ok_or("booted just now")?;
        let refusal = slow.poll(|_| Ok::<_, TypingError>(false)).unwrap_err().to_string();
        assert!(refusal.ends_with("too slowly: 2 events are left"), "{refusal}");
        assert_eq!(slow.poll(|_| Ok::<_, TypingError>(true))?, Progress::Done);
        Ok(())
    }
}
