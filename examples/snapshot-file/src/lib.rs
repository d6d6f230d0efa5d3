//! Snapshots in files: what is under a snapshot's name is always whole.
//!
//! A file is written under a temporary name beside its place, synced, and renamed over what was there; then the
//! directory is synced. Whenever the process is killed or the power fails, the name leads to the previous snapshot or
//! to the new one, never to half of one.
//!
//! ```
//! let dir = std::env::temp_dir().join(format!("snapshot-file-doc-{}", std::process::id()));
//! std::fs::create_dir_all(&dir)?;
//! let path = dir.join("rtc.snapshot");
//! devstate_snapshot_file::save_file(&path, b"ticks")?;
//! assert_eq!(devstate_snapshot_file::load_file(&path, 64)?, b"ticks");
//! assert!(devstate_snapshot_file::load_file(&path, 4).is_err());
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::{error, fmt};

/// Puts `bytes` under the name `path`, in place of what was there.
///
/// # Errors
///
/// [`FileError`]; what was under `path` is still there, whole.
pub fn save_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = PendingFile::create(path)?;
    file.write_all(bytes)
        .map_err(|source| FileError::new("write", path, source))?;
    file.commit()
}

/// All bytes of the file at `path`, if they are not more than `max_len`.
///
/// # Errors
///
/// [`FileError`], also for a longer file, of which no more than that is read.
pub fn load_file(path: &Path, max_len: usize) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::new("read", path, source);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(max_len).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > max_len {
        let message = format!("longer than the {max_len} bytes that a snapshot can have");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, message)));
    }
    Ok(bytes)
}

/// A file that gets its name when it is complete. Dropped before [`commit`](Self::commit), it leaves nothing behind.
#[derive(Debug)]
pub struct PendingFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl PendingFile {
    /// Opens a file under a temporary name beside `path`.
    ///
    /// # Errors
    ///
    /// [`FileError`] where the directory is missing or may not be written.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = File::create(&temporary).map_err(|source| FileError::new("create", &temporary, source))?;
        Ok(Self {
            file,
            temporary,
            path: path.to_owned(),
            committed: false,
        })
    }

    /// The file under its temporary name, for whoever writes to it in another way than through [`Write`].
    #[must_use]
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, in place of what was there, once all of it is on the disk.
    ///
    /// # Errors
    ///
    /// [`FileError`]; what was under the name is still there, unless it is the directory that could not be synced.
    pub fn commit(mut self) -> Result<(), FileError> {
        self.file
            .sync_all()
            .map_err(|source| FileError::new("sync", &self.temporary, source))?;
        fs::rename(&self.temporary, &self.path).map_err(|source| FileError::new("rename to", &self.path, source))?;
        self.committed = true;
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| FileError::new("sync", directory, source))
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if !self.committed {
            // Nobody is left to tell; a left-over under a temporary name is never read.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// What could not be done with which file.
#[derive(Debug)]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.action, self.path.display(), self.source)
    }
}

impl error::Error for FileError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("snapshot-file-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_file_that_was_not_completed_leaves_the_previous_one_whole() {
        let dir = Scratch::new("whole");
        let path = dir.0.join("vm");
        save_file(&path, b"first").unwrap();
        let mut pending = PendingFile::create(&path).unwrap();
        pending.write_all(b"sec").unwrap();
        assert_eq!(load_file(&path, 5).unwrap(), b"first");
        drop(pending);
        assert_eq!(dir.names(), ["vm"]);
        save_file(&path, b"second").unwrap();
        assert_eq!(load_file(&path, 6).unwrap(), b"second");
        assert_eq!(dir.names(), ["vm"]);
    }

    #[test]
    fn an_error_names_the_file_and_what_was_tried() {
        let dir = Scratch::new("names");
        let missing = dir.0.join("missing/vm");
        let error = save_file(&missing, b"").unwrap_err().to_string();
        assert!(
            error.starts_with("cannot create") && error.contains("missing/vm"),
            "{error}"
        );
        let path = dir.0.join("long");
        save_file(&path, &[0; 9]).unwrap();
        let error = load_file(&path, 8).unwrap_err().to_string();
        assert!(error.contains("long: longer than the 8 bytes"), "{error}");
    }
}
