//! Standard output, which may be a pipe whose reader has gone, and files.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process;

use anstyle::{AnsiColor, Style};

use crate::failure::{Failure, printable};

/// What is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// What is good, or new.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();

/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Prints `text` to standard output, in colours if that is a terminal. Ends the process if nobody reads it any more.
///
/// # Errors
///
/// [`Failure`] if it cannot be written, because a disk is full for example.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    // `println!` would panic when the reader of a pipe has gone, as `head` goes.
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => Err(Failure::new(
            format!("cannot write to standard output: {error}"),
            "check where the output goes",
        )),
    }
}

/// Refuses what nobody means when a folder has it, and what may never end: a pipe, a device.
pub(crate) fn only_regular(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.is_file() {
        Ok(())
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// Writes a file that the user named.
///
/// # Errors
///
/// [`Failure`] if it cannot be written.
pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| {
        let name = printable(&path.to_string_lossy());
        Failure::of(
            &name,
            format!("cannot write it: {error}"),
            "check the folder, and the room on the disk",
        )
    })
}
