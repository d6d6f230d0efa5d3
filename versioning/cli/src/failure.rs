//! Why a command could not do its work, and what to do next.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};

/// An error message for a person: what went wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name of the file, safe to print. Empty if the failure belongs to no file.
    pub file: String,
    /// What went wrong: one clause without a full stop.
    pub what: String,
    /// What to do next: one clause without a full stop.
    pub next: String,
}

impl Failure {
    /// Creates a failure that belongs to no file.
    #[must_use]
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::of("", what, next)
    }

    /// Creates a failure of a file. The name must be safe to print.
    #[must_use]
    pub fn of(file: &str, what: impl Into<String>, next: impl Into<String>) -> Self {
        let (file, what, next) = (file.to_owned(), what.into(), next.into());
        Self { file, what, next }
    }

    /// Prints both sentences to standard error.
    pub(crate) fn print(&self) {
        complain(&format!("error: {self}\n"));
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}: ", self.file)?;
        }
        write!(f, "{}\n help: {}", self.what, self.next)
    }
}

impl Error for Failure {}

/// Prints `text` to standard error. If nobody reads it, there is nobody to tell: `eprintln!` would panic.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Returns a name that is safe to print. A file name can contain control sequences of a terminal.
#[must_use]
pub fn printable(name: &str) -> String {
    let escaped = |c: char| {
        is_plain(c)
            .then_some(c)
            .into_iter()
            .chain(c.escape_debug().filter(move |_| !is_plain(c)))
    };
    name.chars().flat_map(escaped).collect()
}

/// Returns `true` if a name can be printed as it is.
pub(crate) fn is_printable(name: &str) -> bool {
    name.chars().all(is_plain)
}

fn is_plain(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::{is_printable, printable};

    #[test]
    fn control_sequences_are_escaped() {
        assert_eq!(printable("a'b\u{1b}[2J\u{202e}\n"), "a'b\\u{1b}[2J\\u{202e}\\n");
        assert!(is_printable("rx fifo's \"größe\"") && !is_printable("rx\u{7f}"));
    }
}
