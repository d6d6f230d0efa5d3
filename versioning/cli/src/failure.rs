//! Why a command could not do its work, and what to do next.

use std::error::Error;
use std::fmt;

/// What went wrong, and what the person at the terminal can do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, with the name of the file: one clause without a full stop.
    pub what: String,
    /// What to do next: one clause without a full stop.
    pub next: String,
}

impl Failure {
    /// Creates a failure.
    #[must_use]
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        let (what, next) = (what.into(), next.into());
        Self { what, next }
    }

    /// Prints both sentences to standard error.
    pub(crate) fn print(&self) {
        eprintln!("error: {self}");
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n help: {}", self.what, self.next)
    }
}

impl Error for Failure {}

/// Returns a name as it can be printed: a file's name can have the control sequences of a terminal in it.
#[must_use]
pub fn printable(name: &str) -> String {
    name.escape_debug().to_string()
}
