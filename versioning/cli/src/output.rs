//! Standard output, which may be a pipe whose reader has gone, and files.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
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

/// Prints `text` to standard output, in colours if that is a terminal.
///
/// # Errors
///
/// [`Failure`] if it cannot be written, because a disk is full for example.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    // `println!` would panic when the reader of a pipe has gone, as `head` goes.
    let mut out = anstream::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Handles the result of writing to standard output. Ends the process with status 2 if nobody reads the output any more:
/// status 0 would say that everything is good.
///
/// # Errors
///
/// [`Failure`] for any other error.
pub(crate) fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(2),
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

/// What a command writes.
pub(crate) struct Kind {
    /// What it is called.
    pub(crate) name: &'static str,
    /// The first bytes of each file of this kind.
    pub(crate) mark: &'static [u8],
}

/// Writes a file that the user named: beside it, and then under its name, so that nobody finds half of it. A file of another
/// kind is not replaced, and neither is one of the files that the command has read. A device or a pipe is written to.
///
/// # Errors
///
/// [`Failure`] if it cannot be written, or if a file is there that is not replaced.
pub(crate) fn write_file(
    path: &Path,
    kind: &Kind,
    sources: &[&Path],
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let name = printable(&path.to_string_lossy());
    let failed = |error| {
        let what = format!("cannot write it: {error}");
        Failure::of(&name, what, "check the name, your rights and the free space")
    };
    if sources.iter().any(|source| is_same_file(path, source)) {
        let what = format!("the {} would replace what it is made of", kind.name);
        return Err(Failure::of(&name, what, "give another name"));
    }
    let found = match fs::metadata(path) {
        Ok(found) if found.is_file() => Some(found),
        Ok(_) => {
            let mut stream = File::options().write(true).open(path).map_err(failed)?;
            return write(&mut stream).map_err(failed);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if found.is_some() && !is_of(kind, path).map_err(failed)? {
        let what = format!("another file has this name, and it is not a {}", kind.name);
        return Err(Failure::of(&name, what, "give another name, or delete it first"));
    }
    replace(path, found.map(|found| found.permissions()), write).map_err(failed)
}

/// Returns `true` for two names of one regular file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other && one.is_file(),
        _ => false,
    }
}

/// Returns `true` for a file with the mark of a kind, and for an empty one.
fn is_of(kind: &Kind, path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(kind.mark.len() as u64).read_to_end(&mut start)?;
    Ok(start.is_empty() || start == kind.mark)
}

fn replace(
    path: &Path,
    permissions: Option<Permissions>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // A link stays, and leads to the new file.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut part = path.file_name().unwrap_or_default().to_owned();
    part.push(format!(".{}.part", process::id()));
    let part = path.with_file_name(part);
    let mut file = File::create_new(&part)?;
    let written = permissions
        .map_or(Ok(()), |permissions| file.set_permissions(permissions))
        .and_then(|()| write(&mut file))
        .and_then(|()| fs::rename(&part, &path));
    written.inspect_err(|_| {
        // It is of no use to anybody.
        let _ = fs::remove_file(&part);
    })
}
