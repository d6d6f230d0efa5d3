//! What the host refused.

use std::{error, fmt, io};

/// A failed action with its system error.
#[derive(Debug)]
pub struct HostError {
    action: &'static str,
    source: io::Error,
}

impl HostError {
    /// Makes a function that takes the system's error.
    pub(crate) fn when<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self {
            action,
            source: source.into(),
        }
    }

    /// Returns the system's error.
    #[must_use]
    pub const fn io(&self) -> &io::Error {
        &self.source
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.action, self.source)
    }
}

impl error::Error for HostError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.source()
    }
}
