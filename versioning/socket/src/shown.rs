//! Paths in messages.

use std::path::Path;

/// Returns a path for people. A name can have the control sequences of a terminal in it.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
