//! How much room an image needs.

use std::fs::File;
use std::io::{self, ErrorKind, Write};

use rustix::fs::fstatvfs;

use super::DirectoryError;
use crate::FileError;

/// Says how much room a save needs, if room is what is missing.
pub(super) fn explain(
    error: FileError,
    directory: &File,
    write: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> DirectoryError {
    if error.is_of([
        ErrorKind::AlreadyExists,
        ErrorKind::PermissionDenied,
        ErrorKind::NotFound,
    ]) {
        return error.into();
    }
    let mut len = Counted(0);
    let (Ok(()), Ok(there)) = (write(&mut len), fstatvfs(directory)) else {
        return error.into();
    };
    let (needed, free) = (len.0, there.f_bavail.saturating_mul(there.f_frsize));
    if error.is_of([ErrorKind::StorageFull, ErrorKind::QuotaExceeded]) || free < needed {
        DirectoryError::NoRoom { needed, free, error }
    } else {
        error.into()
    }
}

/// Counts bytes, and keeps none.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
