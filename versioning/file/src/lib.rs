#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod directory;

use std::fs::{self, File, FileType};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::{error, fmt};

use rustix::fs::{Mode, OFlags, open};
use tempfile::{Builder, NamedTempFile};

/// Bytes of a file's name that its temporary name repeats. A name can have 255 bytes, and the temporary one has more.
const REPEATED_LEN: usize = 64;

/// Saves `bytes` as the file `path`. It replaces the file that was there.
///
/// # Errors
///
/// Returns the errors of [`PendingFile::create`] and [`PendingFile::commit`], or [`FileError`] if the disk is full. The
/// previous file is unchanged, with one exception: if only the sync of the directory failed, the new file is in place,
/// complete.
pub fn save_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = PendingFile::create(path)?;
    file.write_all(bytes)
        .map_err(|source| FileError::new("write", path, source))?;
    file.commit()
}

/// Returns all bytes of the regular file at `path`. The file may have at most `max_len` bytes. A symbolic link is followed.
///
/// # Errors
///
/// Returns [`FileError`] if the file cannot be read or is longer. A named pipe is refused at once, without waiting for its
/// writer.
pub fn load_file(path: &Path, max_len: usize) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::new("read", path, source);
    let file = open_file(path)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(max_len).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > max_len {
        let message = format!("longer than the {max_len} bytes that a snapshot can have");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, message)));
    }
    Ok(bytes)
}

/// Opens the regular file at `path` for reading. A symbolic link is followed.
///
/// # Errors
///
/// Returns [`FileError`] if the file cannot be opened or is not a regular file. A named pipe is refused at once, without waiting
/// for its writer.
pub fn open_file(path: &Path) -> Result<File, FileError> {
    let failed = |source| FileError::new("read", path, source);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?);
    only_regular(file.metadata().map_err(failed)?.file_type()).map_err(failed)?;
    Ok(file)
}

/// Opens a named pipe or a character device, such as a terminal, for writing. Follows symbolic links: `/dev/stdout` is
/// one. Returns `None` for every other file: use [`PendingFile`] for it, which replaces or refuses it. Opening a named
/// pipe waits for its reader.
///
/// # Errors
///
/// Returns [`FileError`] if it cannot be opened.
pub fn open_stream(path: &Path) -> Result<Option<File>, FileError> {
    match fs::metadata(path) {
        Ok(found) if found.file_type().is_fifo() || found.file_type().is_char_device() => {
            let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
            let stream = open(path, flags, Mode::empty());
            let stream = stream.map_err(|errno| FileError::new("open", path, errno.into()))?;
            Ok(Some(File::from(stream)))
        }
        _ => Ok(None),
    }
}

/// A file that is written under a temporary name. [`commit`](Self::commit) gives it its name. If it is dropped before
/// that, it is deleted.
///
/// Only its owner may read it (mode 0600), because it may have the secrets of a device or of a machine. The mode of the file
/// that it replaces is not kept. Writes are not buffered. The temporary name is `.NAME.….tmp`, with random letters. A process that
/// is killed leaves that file behind. Delete it when no process writes to the directory.
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
    /// Returns [`FileError`] if the directory is missing or cannot be written, or if `path` exists and is not a regular
    /// file.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        replaceable(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let repeated: String = name
            .chars()
            .scan(0, |end, c| {
                *end += c.len_utf8();
                (*end <= REPEATED_LEN).then_some(c)
            })
            .collect();
        let file = Builder::new()
            .prefix(&format!(".{repeated}."))
            .suffix(".tmp")
            .tempfile_in(directory(path))
            .map_err(|source| FileError::new("create", path, source))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Returns the open temporary file, for writing by other means than [`Write`].
    #[must_use]
    pub fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Syncs the file, and then renames it to its name. It replaces the file that was there.
    ///
    /// # Errors
    ///
    /// Returns [`FileError`] if a step failed, or if the path is no longer a regular file. The previous file is
    /// unchanged, with one exception: if only the sync of the directory failed, the new file is in place, complete.
    pub fn commit(self) -> Result<(), FileError> {
        let Self { file, path } = self;
        file.as_file()
            .sync_all()
            .map_err(|source| FileError::new("sync", file.path(), source))?;
        // Once the file has its name, as little as possible is left that can fail.
        let parent = directory(&path);
        let directory = File::open(parent).map_err(|source| FileError::new("open", parent, source))?;
        replaceable(&path)?;
        file.persist(&path)
            .map_err(|error| FileError::new("rename to", &path, error.error))?;
        sync_directory(&directory).map_err(|source| FileError::new("sync", parent, source))
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

/// Syncs a directory.
fn sync_directory(directory: &File) -> io::Result<()> {
    match directory.sync_all() {
        // The file system syncs no directories, and has done all that it can.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Refuses to replace anything but a regular file.
fn replaceable(path: &Path) -> Result<(), FileError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => only_regular(found.file_type()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    found.map_err(|source| FileError::new("replace", path, source))
}

fn only_regular(found: FileType) -> io::Result<()> {
    let kind = if found.is_file() {
        return Ok(());
    } else if found.is_dir() {
        "directory"
    } else if found.is_symlink() {
        "symbolic link"
    } else if found.is_fifo() {
        "named pipe"
    } else if found.is_socket() {
        "socket"
    } else {
        "device"
    };
    let message = format!("it is a {kind}, not a regular file");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// The error of an action on a file. It displays the action, the path and the system's error.
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

    /// Returns the path of the file or directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the system's error. Its kind shows, for example, whether the file is missing or the disk failed.
    #[must_use]
    pub const fn io(&self) -> &io::Error {
        &self.source
    }

    fn is_of<const N: usize>(&self, kinds: [io::ErrorKind; N]) -> bool {
        kinds.contains(&self.source.kind())
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.action, shown(&self.path), self.source)
    }
}

/// Returns a path for people. A name can have the control sequences of a terminal in it.
fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}

impl error::Error for FileError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.source()
    }
}

#[cfg(test)]
mod tests;
