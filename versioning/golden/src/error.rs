//! The error for a difference between frozen bytes and code.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// A frozen file that differs from what today's code reads and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldenError {
    /// The file.
    pub file: PathBuf,
    /// The name of the snapshot in the file. Empty if the error belongs to the whole file.
    pub case: String,
    /// What is wrong, and what to do about it: one clause without a full stop.
    pub what: String,
}

impl GoldenError {
    pub(crate) fn new(file: &Path, case: &str, what: impl Into<String>) -> Self {
        let (file, case, what) = (file.to_owned(), case.to_owned(), what.into());
        Self { file, case, what }
    }
}

impl fmt::Display for GoldenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if !self.case.is_empty() {
            write!(f, "{}: ", self.case)?;
        }
        f.write_str(&self.what)
    }
}

impl Error for GoldenError {}
