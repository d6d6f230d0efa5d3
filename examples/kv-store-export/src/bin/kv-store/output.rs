//! What is printed. A reader that has seen enough, as `head` has, is no error, and nothing that is printed ends a server.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Runs `write` with the standard output, and sees that everything reaches it.
pub(crate) fn print(write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> io::Result<()>) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) => {
            // What is left would be written when `out` is dropped, and nobody reads it.
            let _ = out.into_parts();
            if error.kind() == io::ErrorKind::BrokenPipe {
                return Ok(());
            }
            Err(error).context("cannot write to standard output")
        }
    }
}

/// Writes a line to the standard output, where anybody reads it: what a server says of itself does not end it.
pub(crate) fn note(line: &str) {
    let _ = print(|out| writeln!(out, "{line}"));
}

/// Writes a line to the standard error, where anybody reads it.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A path without what a terminal would obey.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
