//! Snapshots in files: what is under a snapshot's name is always whole.
//!
//! A file is written under a temporary name beside its place, synced, and renamed over what was there; then the
//! directory is synced. Whenever the process is killed or the power fails, the name leads to the previous snapshot or
//! to the new one, never to half of one.
//!
//! ```
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("rtc.snapshot");
//! devstate_snapshot_file::save_file(&path, b"ticks")?;
//! assert_eq!(devstate_snapshot_file::load_file(&path, 64)?, b"ticks");
//! assert!(devstate_snapshot_file::load_file(&path, 4).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::{error, fmt};

use tempfile::{Builder, NamedTempFile};

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
///
/// Only its owner may read it: it has what a device, or a whole machine, knew. The temporary name is `.NAME.….tmp`,
/// which nobody can guess; a process that is killed leaves it behind, for whoever knows that nobody writes there now.
#[derive(Debug)]
pub struct PendingFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl PendingFile {
    /// Opens a file under a temporary name beside `path`.
    ///
    /// # Errors
    ///
    /// [`FileError`] where the directory is missing or may not be written.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let mut prefix = OsString::from(".");
        prefix.push(path.file_name().unwrap_or_default());
        prefix.push(".");
        let file = Builder::new()
            .prefix(&prefix)
            .suffix(".tmp")
            .tempfile_in(directory(path))
            .map_err(|source| FileError::new("create", path, source))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// The file under its temporary name, for whoever writes to it in another way than through [`Write`].
    #[must_use]
    pub fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name, in place of what was there, once all of it is on the disk.
    ///
    /// # Errors
    ///
    /// [`FileError`]; what was under the name is still there, unless it is the directory that could not be synced.
    pub fn commit(self) -> Result<(), FileError> {
        let Self { file, path } = self;
        file.as_file()
            .sync_all()
            .map_err(|source| FileError::new("sync", file.path(), source))?;
        file.persist(&path)
            .map_err(|error| FileError::new("rename to", &path, error.error))?;
        let directory = directory(&path);
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

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
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
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_that_was_not_completed_leaves_the_previous_one_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vm");
        save_file(&path, b"first").unwrap();
        let mut pending = PendingFile::create(&path).unwrap();
        pending.write_all(b"sec").unwrap();
        assert_eq!(load_file(&path, 5).unwrap(), b"first");
        drop(pending);
        assert_eq!(names(dir.path()), ["vm"]);
        save_file(&path, b"second").unwrap();
        assert_eq!(load_file(&path, 6).unwrap(), b"second");
        assert_eq!(names(dir.path()), ["vm"]);
    }

    #[test]
    fn an_error_names_the_file_and_what_was_tried() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing/vm");
        let error = save_file(&missing, b"").unwrap_err().to_string();
        assert!(
            error.starts_with("cannot create") && error.contains("missing/vm"),
            "{error}"
        );
        let path = dir.path().join("long");
        save_file(&path, &[0; 9]).unwrap();
        let error = load_file(&path, 8).unwrap_err().to_string();
        assert!(error.contains("long: longer than the 8 bytes"), "{error}");
    }

    #[test]
    fn a_file_is_its_owners_alone_and_replaces_a_link_rather_than_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("vm"), dir.path().join("other"));
        fs::write(&other, b"other").unwrap();
        symlink(&other, &path).unwrap();
        save_file(&path, b"mine").unwrap();
        assert_eq!(load_file(&other, 5).unwrap(), b"other");
        let found = fs::symlink_metadata(&path).unwrap();
        assert!(found.is_file());
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
    }
}
