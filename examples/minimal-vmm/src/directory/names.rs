//! The names of a snapshot directory's files. Nothing else in the directory is the VMM's.

use std::ffi::OsStr;
use std::fmt;

pub(super) const STATE: &str = "machine.snapshot";
const MEMORY: &str = "memory-";
const DIGITS: usize = 16;
/// Letters and digits that make a temporary name unique.
const UNIQUE: usize = 6;

/// A file that a save may remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The memory with this number.
    Memory(u64),
    /// The temporary file of a save that was killed.
    Unfinished,
}

impl Name {
    /// Returns `None` for every name that no save gives.
    pub(super) fn of(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?;
        memory(name).map(Self::Memory).or_else(|| {
            let name = name.strip_prefix('.')?.strip_suffix(".tmp")?;
            let (name, unique) = name.rsplit_once('.')?;
            let temporary = unique.len() == UNIQUE && unique.bytes().all(|byte| byte.is_ascii_alphanumeric());
            (temporary && (name == STATE || memory(name).is_some())).then_some(Self::Unfinished)
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(id) => write!(f, "{MEMORY}{id:016x}"),
            Self::Unfinished => f.write_str("an unfinished file"),
        }
    }
}

fn memory(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(MEMORY)?;
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let exact = digits.len() == DIGITS && digits.bytes().all(is_digit);
    exact.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_save_gives_are_its_own() {
        let of = |name: &str| Name::of(name.as_ref());
        assert_eq!(of("memory-0123456789abcdef"), Some(Name::Memory(0x0123_4567_89ab_cdef)));
        assert_eq!(of(&Name::Memory(7).to_string()), Some(Name::Memory(7)));
        for unfinished in [".memory-0123456789abcdef.Ab3xYz.tmp", ".machine.snapshot.000000.tmp"] {
            assert_eq!(of(unfinished), Some(Name::Unfinished), "{unfinished}");
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
            assert_eq!(of(other), None, "{other}");
        }
    }
}
