//! Why a directory could not be used.

use std::path::PathBuf;
use std::{error, fmt};

use crate::{FileError, shown};

/// Why a state and its image could not be saved, or a directory could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The directory stayed locked for half a second. Either a save is in progress, or this call is a save and a reader
    /// has the directory open. This process may hold the lock itself, in a [`Directory`](super::Directory) or a
    /// [`Saved`](super::Saved).
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file or the directory could not be used.
    File(FileError),
    /// The image does not fit on the disk.
    NoRoom {
        /// The size of the image in bytes. The existing files need their room in addition.
        needed: u64,
        /// The number of free bytes.
        free: u64,
        /// The error of the save.
        error: FileError,
    },
    /// The state could not be replaced, and then the new image could not be deleted. The next save deletes it.
    ImageLeft {
        /// Why the state could not be replaced.
        error: FileError,
        /// Why the image could not be deleted.
        left: FileError,
    },
}

/// Files of earlier saves that could not be deleted. All others are deleted.
#[derive(Debug)]
#[non_exhaustive]
pub struct TidyError {
    /// The error of each file. There is at least one.
    pub errors: Vec<FileError>,
}

/// Failures that a message names.
const NAMED: usize = 3;

impl fmt::Display for TidyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().take(NAMED).enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{error}")?;
        }
        match self.errors.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more like this"),
        }
    }
}

impl error::Error for TidyError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.errors.first()?.source()
    }
}

impl From<FileError> for DirectoryError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { path } => write!(f, "cannot use {}: it is in use", shown(path)),
            Self::File(error) => error.fmt(f),
            Self::NoRoom { needed, free, error } => {
                let (needed, free) = (needed.div_ceil(1 << 20), free >> 20);
                write!(
                    f,
                    "a save needs {needed} MiB beside what is there, and {free} MiB are free: {error}"
                )
            }
            Self::ImageLeft { error, left } => write!(f, "{error}; and {left}"),
        }
    }
}

impl error::Error for DirectoryError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::InUse { .. } => None,
            Self::File(error) | Self::NoRoom { error, .. } | Self::ImageLeft { error, .. } => error.source(),
        }
    }
}
