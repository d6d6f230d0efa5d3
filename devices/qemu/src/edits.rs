//! Changes of some bytes of a migration file.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;

/// The changes that [`Migration::edits`](crate::Migration::edits) makes in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edits {
    /// In the order of the file. The last one reaches the end of it.
    pub(crate) all: Vec<(Range<usize>, Vec<u8>)>,
}

impl Edits {
    /// Writes the whole new file to `out`. `file` must be the file that the edits were made for. It is copied piece by
    /// piece.
    ///
    /// # Errors
    ///
    /// Returns the error of `file` or `out`, or [`UnexpectedEof`](ErrorKind::UnexpectedEof) if `file` is too short.
    pub fn apply(&self, file: &mut (impl Read + Seek), out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        let mut at = 0;
        for (range, bytes) in &self.all {
            file.seek(SeekFrom::Start(at as u64))?;
            let kept = (range.start - at) as u64;
            if io::copy(&mut file.by_ref().take(kept), out)? != kept {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            out.write_all(bytes)?;
            at = range.end;
        }
        Ok(())
    }
}
