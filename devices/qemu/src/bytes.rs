//! The bytes of a migration file: all bytes, or the beginning and the end without the memory between.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use crate::description::{self, Description, NUMBER, find_description};
use crate::error::QemuError;

/// The first bytes of a migration file: a mark and the version of the format.
pub(crate) const MAGIC: &[u8] = b"QEVM\0\0\0\x03";
/// The name of the machine is within this number of bytes from the start.
const HEAD_LEN: usize = 4096;
/// The number of bytes that are first read from the end. A description has about 100 KiB.
const TAIL_LEN: usize = 1 << 20;
/// The maximum distance of the description from the end, in bytes.
const MAX_DESCRIPTION_LEN: usize = 16 << 20;
/// The maximum number of bytes that are kept from the end: the description and its sections.
const MAX_TAIL_LEN: usize = 256 << 20;

/// Bytes by their offsets in the file.
#[derive(Debug)]
pub(crate) struct Bytes<'f> {
    head: Vec<u8>,
    tail: Cow<'f, [u8]>,
    tail_at: usize,
}

impl<'f> Bytes<'f> {
    pub(crate) const fn whole(bytes: &'f [u8]) -> Self {
        Self {
            head: Vec::new(),
            tail: Cow::Borrowed(bytes),
            tail_at: 0,
        }
    }

    pub(crate) fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        match (
            range.start.checked_sub(self.tail_at),
            range.end.checked_sub(self.tail_at),
        ) {
            (Some(start), Some(end)) => self.tail.get(start..end),
            _ => self.head.get(range),
        }
    }

    /// The JSON of the description whose mark is at `description_at`.
    pub(crate) fn json(&self, description_at: usize) -> &[u8] {
        self.get(description_at + 1 + NUMBER..self.len()).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.tail_at + self.tail.len()
    }

    /// The whole file, unless a part of it was not read.
    pub(crate) fn all(&self) -> Option<&[u8]> {
        (self.tail_at == 0).then_some(&self.tail)
    }

    /// Where the mark of the description is.
    pub(crate) fn description_at(&self) -> Option<usize> {
        find_description(&self.tail).map(|at| self.tail_at + at)
    }
}

impl Bytes<'static> {
    /// Reads the beginning of a file, and its end from the first section on that the description tells of.
    pub(crate) fn ends_of(file: &mut (impl Read + Seek)) -> Result<Self, QemuError> {
        let failed = |error: io::Error| QemuError::Io {
            reason: error.to_string(),
        };
        let len = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let len = usize::try_from(len).map_err(|_| QemuError::TooLong { limit: MAX_TAIL_LEN })?;
        let mut head = part(file, 0, len.min(HEAD_LEN)).map_err(failed)?;
        if !head.starts_with(MAGIC) {
            return Err(QemuError::NoMigration);
        }
        let mut tail_len = len.min(TAIL_LEN);
        loop {
            let tail_at = len - tail_len;
            let bytes = Self {
                head,
                tail: part(file, tail_at, tail_len).map_err(failed)?.into(),
                tail_at,
            };
            let needed = match bytes.description_at() {
                Some(at) => {
                    let Description { devices } = description::parse(bytes.json(at))?;
                    let sections = devices.iter().map(|device| device.whole_len().unwrap_or(usize::MAX));
                    // The mark of the end is before the description.
                    sections.fold(len - at + 1, usize::saturating_add).min(len)
                }
                None if tail_len < len.min(MAX_DESCRIPTION_LEN) => (4 * tail_len).min(len),
                // There is none.
                None => tail_len,
            };
            if needed <= tail_len {
                return Ok(bytes);
            }
            if needed > MAX_TAIL_LEN {
                return Err(QemuError::TooLong { limit: MAX_TAIL_LEN });
            }
            (head, tail_len) = (bytes.head, needed);
        }
    }
}

fn part(file: &mut (impl Read + Seek), at: usize, len: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at as u64))?;
    let mut bytes = vec![0; len];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
