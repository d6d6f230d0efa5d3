//! Standard output. `println!` panics when the reader of a pipe has gone, as `head` does.

use std::io::{self, Write};
use std::process;

use crate::failure::Failure;

/// Prints `text` to standard output. Ends the process if nobody reads it any more.
///
/// # Errors
///
/// [`Failure`] if it cannot be written, because a disk is full for example.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => Err(Failure::new(
            format!("cannot write to standard output: {error}"),
            "check where the output goes",
        )),
    }
}
