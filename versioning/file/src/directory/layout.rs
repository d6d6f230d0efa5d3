//! The names of a directory's files. A save touches no other file in the directory.

use std::ffi::OsStr;
use std::{error, fmt};

use crate::REPEATED_LEN;

const DIGITS: usize = 16;
/// Letters and digits that make a temporary name unique.
const UNIQUE: usize = 6;

/// The names of the files in a directory, and the function that finds the ID of the image in a state. Each product has
/// one layout, as a constant.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub(super) state: &'static str,
    image: &'static str,
    pub(super) max_state_len: usize,
    pub(super) image_of: fn(&[u8]) -> Option<u64>,
}

impl Layout {
    /// Creates a layout. `state` is the name of the state's file. `image` is the prefix of the images' names; sixteen
    /// hexadecimal digits of the ID follow, as in `memory-00000000000000ff`. A save may delete any file with such a
    /// name, so choose a prefix that nobody else uses. Choose a new ID for each save, such as a random number.
    ///
    /// `max_state_len` is the length of the longest state, in bytes: `max_snapshot_len::<Mirror>()` for a snapshot. A save
    /// refuses a longer one. `image_of` returns the ID in the bytes of a state, and `None` if the bytes are not a state. If
    /// it returns `None` for the saved state, a save deletes nothing until the new state is in place.
    ///
    /// # Panics
    ///
    /// If [`try_new`](Self::try_new) would return an error. In a constant, a panic is a compile error.
    #[must_use]
    #[expect(clippy::panic, reason = "a constant with such a name does not compile")]
    pub const fn new(
        state: &'static str,
        image: &'static str,
        max_state_len: usize,
        image_of: fn(&[u8]) -> Option<u64>,
    ) -> Self {
        match Self::try_new(state, image, max_state_len, image_of) {
            Ok(layout) => layout,
            Err(error) => panic!("{}", error.reason.text()),
        }
    }

    /// Like [`new`](Self::new), but returns an error if a name is wrong.
    ///
    /// # Errors
    ///
    /// Returns [`LayoutError`] if `state` or `image` is empty, starts with a dot, or has a `/` or a NUL byte in it. It
    /// also returns an error if `state` starts with `image`, or if a file name would have more than 64 bytes.
    pub const fn try_new(
        state: &'static str,
        image: &'static str,
        max_state_len: usize,
        image_of: fn(&[u8]) -> Option<u64>,
    ) -> Result<Self, LayoutError> {
        let (name, reason) = match (why_not(state.as_bytes(), 0), why_not(image.as_bytes(), DIGITS)) {
            (Some(reason), _) => (state, reason),
            (None, Some(reason)) => (image, reason),
            _ if starts_with(state.as_bytes(), image.as_bytes()) => (state, LayoutReason::LikeAnImage),
            _ => {
                return Ok(Self {
                    state,
                    image,
                    max_state_len,
                    image_of,
                });
            }
        };
        Err(LayoutError { name, reason })
    }

    pub(super) fn image_name(&self, id: u64) -> String {
        format!("{}{id:016x}", self.image)
    }

    /// Returns `None` for every name that no save gives to a file that may be deleted.
    pub(super) fn name(&self, name: &OsStr) -> Option<Name> {
        let name = name.to_str()?;
        self.image(name).map(Name::Image).or_else(|| {
            let name = name.strip_prefix('.')?.strip_suffix(".tmp")?;
            let (name, unique) = name.rsplit_once('.')?;
            let temporary = unique.len() == UNIQUE && unique.bytes().all(|byte| byte.is_ascii_alphanumeric());
            (temporary && (name == self.state || self.image(name).is_some())).then_some(Name::Unfinished)
        })
    }

    fn image(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(self.image)?;
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let exact = digits.len() == DIGITS && digits.bytes().all(is_digit);
        exact.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
    }
}

/// A file that a save may delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The image with this ID.
    Image(u64),
    /// The temporary file of a save that was killed.
    Unfinished,
}

/// Returns what is wrong with the name of a file, to which `more` bytes are added. Its temporary name repeats all of it.
const fn why_not(name: &[u8], more: usize) -> Option<LayoutReason> {
    match name {
        [] => return Some(LayoutReason::Empty),
        [b'.', ..] => return Some(LayoutReason::Dot),
        _ if name.len() + more > REPEATED_LEN => return Some(LayoutReason::TooLong),
        _ => {}
    }
    let mut rest = name;
    while let [byte, behind @ ..] = rest {
        match *byte {
            b'/' => return Some(LayoutReason::Slash),
            0 => return Some(LayoutReason::Nul),
            _ => rest = behind,
        }
    }
    None
}

const fn starts_with(mut name: &[u8], mut start: &[u8]) -> bool {
    while let ([a, name_behind @ ..], [b, start_behind @ ..]) = (name, start) {
        if *a != *b {
            return false;
        }
        (name, start) = (name_behind, start_behind);
    }
    start.is_empty()
}

/// A name that no file of a [`Layout`] can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayoutError {
    /// The name of the state, or the prefix of the images' names.
    pub name: &'static str,
    /// The error.
    pub reason: LayoutReason,
}

/// What is wrong with a name of a [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutReason {
    /// The name is empty.
    Empty,
    /// The name starts with a dot, like `.`, `..` and the names of temporary files.
    Dot,
    /// The name contains a `/`.
    Slash,
    /// The name contains a NUL byte.
    Nul,
    /// The whole name of a file would have more than 64 bytes. The name of an image has sixteen bytes more than its
    /// prefix.
    TooLong,
    /// The name of the state starts with the prefix of the images' names.
    LikeAnImage,
}

impl LayoutReason {
    const fn text(self) -> &'static str {
        match self {
            Self::Empty => "the name of a file is empty",
            Self::Dot => "the name of a file starts with a dot",
            Self::Slash => "the name of a file has a `/` in it",
            Self::Nul => "the name of a file has a NUL byte in it",
            Self::TooLong => "the name of a file would have more than 64 bytes",
            Self::LikeAnImage => "the name of the state starts as the name of an image does",
        }
    }
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: \"{}\"", self.reason.text(), self.name.escape_debug())
    }
}

impl error::Error for LayoutError {}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    const MACHINE: Layout = Layout::new("machine.snapshot", "memory-", 8, |_| None);

    #[test]
    fn only_names_that_a_save_gives_are_its_own() {
        let name = |name: &str| MACHINE.name(name.as_ref());
        assert_eq!(
            name("memory-0123456789abcdef"),
            Some(Name::Image(0x0123_4567_89ab_cdef))
        );
        assert_eq!(name(&MACHINE.image_name(7)), Some(Name::Image(7)));
        for unfinished in [".memory-0123456789abcdef.Ab3xYz.tmp", ".machine.snapshot.000000.tmp"] {
            assert_eq!(name(unfinished), Some(Name::Unfinished), "{unfinished}");
        }
        for other in [
            "machine.snapshot",
            "memory-leak-notes.txt",
            ".memory-draft.tmp",
            "memory-0123456789abcde",
            "memory-0123456789abcdef0",
            "memory-0123456789ABCDEF",
            "memory-+123456789abcdef",
            ".memory-0123456789abcdef.tmp",
            ".memory-0123456789abcdef.Ab3xYz.tmp~",
            ".memory-0123456789abcdef.Ab-xYz.tmp",
            ".machine.snapshot.tmp",
            "",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    const TOO_LONG: &str = "sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss";

    #[test]
    fn names_that_a_save_could_confuse_are_refused() {
        let new = |state, image| Layout::try_new(state, image, 8, |_| None).map(drop);
        assert_eq!(TOO_LONG.len(), REPEATED_LEN + 1);
        for (state, image) in [
            ("state", "image-"),
            ("image", "image-"),
            (&TOO_LONG[1..], "image-"),
            ("state", &TOO_LONG[1 + DIGITS..]),
        ] {
            assert_eq!(new(state, image), Ok(()), "{state:?} {image:?}");
        }
        for (state, image, name, reason) in [
            ("", "image-", "", LayoutReason::Empty),
            ("state", "", "", LayoutReason::Empty),
            (".", "image-", ".", LayoutReason::Dot),
            ("..", "image-", "..", LayoutReason::Dot),
            ("state", ".image-", ".image-", LayoutReason::Dot),
            (
                ".image-0.aaaaaa.tmp",
                "image-",
                ".image-0.aaaaaa.tmp",
                LayoutReason::Dot,
            ),
            ("a/state", "image-", "a/state", LayoutReason::Slash),
            ("state", "/image-", "/image-", LayoutReason::Slash),
            ("sta\0te", "image-", "sta\0te", LayoutReason::Nul),
            ("state", "image\0", "image\0", LayoutReason::Nul),
            ("image-0", "image-", "image-0", LayoutReason::LikeAnImage),
            ("image-", "image-", "image-", LayoutReason::LikeAnImage),
            (TOO_LONG, "image-", TOO_LONG, LayoutReason::TooLong),
            ("state", &TOO_LONG[DIGITS..], &TOO_LONG[DIGITS..], LayoutReason::TooLong),
        ] {
            assert_eq!(
                new(state, image),
                Err(LayoutError { name, reason }),
                "{state:?} {image:?}"
            );
            assert!(catch_unwind(|| Layout::new(state, image, 8, |_| None)).is_err());
        }
        assert_eq!(
            new("sta\0te", "image-").unwrap_err().to_string(),
            r#"the name of a file has a NUL byte in it: "sta\0te""#
        );
        assert!(LayoutReason::TooLong.text().contains(&REPEATED_LEN.to_string()));
    }
}
