//! What is printed: a reader that has seen enough, as `head` has, is no error.

use std::io::{self, BufWriter, StdoutLock, Write};

/// Runs `write` with the standard output, and sees that everything reaches it.
pub(crate) fn print(write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is left would be written when `out` is dropped, and nobody reads it.
            let _ = out.into_parts();
            Ok(())
        }
        result => result,
    }
}
