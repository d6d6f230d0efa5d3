//! The names of a directory's files. A save touches no other file in the directory.

use std::ffi::OsStr;

use crate::REPEATED_LEN;

const DIGITS: usize = 16;
/// Letters and digits that make a temporary name unique.
const UNIQUE: usize = 6;

/// The names of the files in a directory, and how the ID of an image is found in a state. Each product has one, as a
/// constant.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub(super) state: &'static str,
    image: &'static str,
    pub(super) max_state_len: usize,
    pub(super) image_of: fn(&[u8]) -> Option<u64>,
}

impl Layout {
    /// Returns a layout. `state` is the name of the state's file. `image` is the prefix of the images' names; sixteen
    /// hexadecimal digits of the ID follow, as in `memory-00000000000000ff`. A save may delete any file with such a name, so
    /// choose a prefix that nobody else uses. Choose a new ID for each save, such as a random number.
    ///
    /// `max_state_len` is the length of the longest state, in bytes: `max_snapshot_len::<Mirror>()` for a snapshot. A save
    /// refuses a longer one. `image_of` returns the ID in the bytes of a state, and `None` for bytes that are no state. As long
    /// as the saved state is such, a save deletes nothing before the new state is in place.
    ///
    /// # Panics
    ///
    /// Panics (does not compile in a constant) if `state` or `image` is empty, starts with a dot or has a `/`, if `state` starts
    /// with `image`, or if a file would have a name of more than 64 bytes.
    #[must_use]
    pub const fn new(
        state: &'static str,
        image: &'static str,
        max_state_len: usize,
        image_of: fn(&[u8]) -> Option<u64>,
    ) -> Self {
        let fits = is_name(state.as_bytes(), 0) && is_name(image.as_bytes(), DIGITS);
        assert!(
            fits,
            "a name of 1 to 64 bytes without `/`, and without a dot at its start, is needed for each file"
        );
        assert!(
            !starts_with(state.as_bytes(), image.as_bytes()),
            "the state could have the name of an image"
        );
        Self {
            state,
            image,
            max_state_len,
            image_of,
        }
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

/// Returns `true` for the name of a file, with `more` bytes to come, that its temporary name repeats whole.
const fn is_name(name: &[u8], more: usize) -> bool {
    // `.`, `..` and the temporary names.
    if let [b'.', ..] = name {
        return false;
    }
    let mut rest = name;
    while let [byte, behind @ ..] = rest {
        if *byte == b'/' {
            return false;
        }
        rest = behind;
    }
    !name.is_empty() && name.len() + more <= REPEATED_LEN
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
        let fits =
            |state: &'static str, image: &'static str| catch_unwind(|| Layout::new(state, image, 8, |_| None)).is_ok();
        assert_eq!(TOO_LONG.len(), REPEATED_LEN + 1);
        for (state, image) in [
            ("state", "image-"),
            ("image", "image-"),
            (&TOO_LONG[1..], "image-"),
            ("state", &TOO_LONG[1 + DIGITS..]),
        ] {
            assert!(fits(state, image), "{state:?} {image:?}");
        }
        for (state, image) in [
            ("", "image-"),
            ("state", ""),
            (".state", "image-"),
            ("..", "image-"),
            ("state", ".image-"),
            (".image-0000000000000000.aaaaaa.tmp", "image-"),
            ("a/state", "image-"),
            ("state", "/image-"),
            ("image-0000000000000000", "image-"),
            ("image-", "image-"),
            (TOO_LONG, "image-"),
            ("state", &TOO_LONG[DIGITS..]),
        ] {
            assert!(!fits(state, image), "{state:?} {image:?}");
        }
    }
}
