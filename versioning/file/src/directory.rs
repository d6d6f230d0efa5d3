//! Saves a small state and a large image together.
//!
//! A virtual machine has a small state and a large memory. A directory keeps both: the state in one file, and the
//! memory in a second file, its *image*. The state has the ID of its image. A save writes the image first, under a new
//! name. Then it replaces the state in one step. So the directory always has one complete machine, the previous one or
//! the new one. This is true even after a kill or a power failure at any moment.
//!
//! ```
//! use devstate_file::directory::{DirectoryError, Layout};
//!
//! // This state is nothing but the ID of its image. A product has a snapshot here.
//! fn image_of(state: &[u8]) -> Option<u64> {
//!     state.try_into().ok().map(u64::from_le_bytes)
//! }
//! const MACHINE: Layout = Layout::new("machine.snapshot", "memory-", 8, image_of);
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("saved");
//!
//! let id: u64 = 0x5eed;
//! let saved = MACHINE.save(&path, &id.to_le_bytes(), |out| out.write_all(b"all of the memory"))?;
//! // Deletes what earlier saves left. The new machine is safe already.
//! saved.tidy()?;
//!
//! let directory = MACHINE.open(&path)?;
//! let state = directory.state()?;
//! let id = image_of(&state).ok_or("no ID")?;
//! let memory = directory.image(id, |image| {
//!     let mut memory = Vec::new();
//!     image.read_to_end(&mut memory)?;
//!     Ok::<_, Box<dyn std::error::Error>>(memory)
//! })?;
//! assert_eq!(memory, b"all of the memory");
//!
//! // While somebody reads, nobody can save.
//! let refusal = MACHINE.save(&path, &(id + 1).to_le_bytes(), |_| Ok(())).unwrap_err();
//! assert!(matches!(refusal, DirectoryError::InUse { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod layout;
mod room;
#[cfg(test)]
mod tests;

use std::fs::{self, DirEntry, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;

pub use self::error::{DirectoryError, TidyError};
use self::layout::Name;
pub use self::layout::{Layout, LayoutError, LayoutReason};
use crate::{FileError, PendingFile, directory, load_file, open_file, save_file, sync_directory};

const BUFFER: usize = 1 << 20;
/// How long the lock of a directory is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

impl Layout {
    /// Saves a state and its image in the directory `path`. Together they replace the previous state and image. Creates
    /// the directory and its parents if they do not exist, with the usual mode: only the files are private. Waits up to
    /// half a second for the lock.
    ///
    /// `state` must have a new ID, which no earlier save used. `write` writes the image to its argument, and must
    /// return the errors of this argument unchanged, because their kind shows whether the disk is full. If the save
    /// fails, `write` is called once more, to count the bytes of the image.
    ///
    /// First, it deletes each image and temporary file that the current state does not name. A save needs room for one
    /// image beside the previous one.
    ///
    /// # Errors
    ///
    /// Returns [`DirectoryError`] if the directory is in use, if a file cannot be written, if `state` is longer than
    /// the layout allows or has no ID, or if an image with this ID exists. The previous state and its image are kept,
    /// and the files of this save are deleted. There are two exceptions. [`ImageLeft`](DirectoryError::ImageLeft)
    /// leaves the new image. If only the last sync of the directory failed, the new state and its image are already in
    /// place.
    pub fn save(
        &self,
        path: &Path,
        state: &[u8],
        write: impl Fn(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Saved, DirectoryError> {
        let refused = |reason: String| {
            let reason = io::Error::new(ErrorKind::InvalidInput, reason);
            FileError::new("save", &path.join(self.state), reason)
        };
        if state.len() > self.max_state_len {
            let (len, most) = (state.len(), self.max_state_len);
            return Err(refused(format!("the state has {len} bytes, and the layout allows {most}")).into());
        }
        let image_id = (self.image_of)(state).ok_or_else(|| refused("the state names no image".into()))?;
        let lock = || Directory::lock(*self, path, FlockOperation::NonBlockingLockExclusive);
        let mut is_new = create(path)?;
        let directory = match lock() {
            // A first save that failed has removed it during the wait.
            Err(DirectoryError::File(error)) if error.is_of([ErrorKind::NotFound]) => {
                is_new = create(path)?;
                lock()?
            }
            locked => locked?,
        };
        directory.make_room();
        match directory.save(state, image_id, write) {
            Ok(()) => Ok(Saved { directory, image_id }),
            Err(error) => {
                if is_new {
                    // Only if it is empty, and before anybody else can lock it.
                    let _ = fs::remove_dir(path);
                }
                Err(error)
            }
        }
    }

    /// Opens the directory `path` for reading, and locks it against saves. Several readers can have it open. Waits up to half
    /// a second for the lock.
    ///
    /// # Errors
    ///
    /// Returns [`DirectoryError::File`] if the directory cannot be opened. Returns [`DirectoryError::InUse`] during a
    /// save or while a [`Saved`] exists.
    pub fn open(&self, path: &Path) -> Result<Directory, DirectoryError> {
        Directory::lock(*self, path, FlockOperation::NonBlockingLockShared)
    }
}

/// Makes a directory, and all above it that are not there. Returns `true` if it was not there before.
fn create(path: &Path) -> Result<bool, FileError> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
    fs::create_dir_all(path).map_err(|source| FileError::new("create", path, source))?;
    // What is in a directory is safe when the directory itself is.
    for made in &missing {
        let parent = directory(made);
        File::open(parent)
            .and_then(|parent| sync_directory(&parent))
            .map_err(|source| FileError::new("sync", parent, source))?;
    }
    Ok(!missing.is_empty())
}

/// Returns `true` if this is the directory that is at `path` now.
fn is_at(directory: &File, path: &Path) -> bool {
    let identity = |found: fs::Metadata| (found.dev(), found.ino());
    let (own, there) = (directory.metadata().map(identity), fs::metadata(path).map(identity));
    own.is_ok_and(|own| there.is_ok_and(|there| own == there))
}

/// A directory with a state and its image, open for reading. While it is open, no process can save to it.
#[derive(Debug)]
pub struct Directory {
    layout: Layout,
    path: PathBuf,
    /// The directory itself. It is unlocked when this is closed, or when the process ends.
    locked: File,
}

impl Directory {
    fn lock(layout: Layout, path: &Path, operation: FlockOperation) -> Result<Self, DirectoryError> {
        let failed = |action, errno: Errno| FileError::new(action, path, errno.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // A process that ends, or one that was just forked from this one, may hold it for a moment more.
        let end = Instant::now() + PATIENCE;
        let locked = loop {
            let locked = File::from(open(path, flags, Mode::empty()).map_err(|errno| failed("open", errno))?);
            match flock(&locked, operation) {
                // Whoever had it locked may have deleted it. Another one with its name has a lock of its own.
                Ok(()) if is_at(&locked, path) => break locked,
                Ok(()) | Err(Errno::WOULDBLOCK) if Instant::now() >= end => {
                    return Err(DirectoryError::InUse { path: path.to_owned() });
                }
                Ok(()) => {}
                Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(Duration::from_millis(5)),
                Err(errno) => return Err(failed("lock", errno).into()),
            }
        };
        Ok(Self {
            layout,
            path: path.to_owned(),
            locked,
        })
    }

    /// Returns the bytes of the state.
    ///
    /// # Errors
    ///
    /// Returns [`FileError`] if the state cannot be read or is longer than the layout allows. If nothing was saved yet,
    /// the kind of [`FileError::io`] is [`NotFound`](ErrorKind::NotFound).
    pub fn state(&self) -> Result<Vec<u8>, FileError> {
        load_file(&self.state_path(), self.layout.max_state_len)
    }

    /// Calls `read` with the image `image_id`, and returns its result. `read` must read all of the image.
    ///
    /// # Errors
    ///
    /// Returns [`FileError`] if the image cannot be opened, or if bytes are left when `read` returns. Otherwise it returns the
    /// error of `read`.
    pub fn image<T, E: From<FileError>>(
        &self,
        image_id: u64,
        read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, E> {
        let path = self.image_path(image_id);
        let failed = |source| FileError::new("read", &path, source);
        let mut image = BufReader::with_capacity(BUFFER, open_file(&path)?);
        let value = read(&mut image)?;
        if image.read(&mut [0]).map_err(failed)? != 0 {
            let behind = io::Error::new(
                ErrorKind::InvalidData,
                "the image has bytes after the end that was read",
            );
            return Err(failed(behind).into());
        }
        Ok(value)
    }

    /// Returns the path of the state, for messages.
    #[must_use]
    pub fn state_path(&self) -> PathBuf {
        self.path.join(self.layout.state)
    }

    /// Returns the path of the image `image_id`, for messages.
    #[must_use]
    pub fn image_path(&self, image_id: u64) -> PathBuf {
        self.path.join(self.layout.image_name(image_id))
    }

    /// Deletes what killed saves have left. Deletes nothing before it is sure which image the state names.
    fn make_room(&self) {
        let named = match fs::symlink_metadata(self.state_path()) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            _ => match self.state().ok().and_then(|state| (self.layout.image_of)(&state)) {
                None => return,
                named => named,
            },
        };
        // A state that is not on the disk yet may be gone after a power failure, and the previous one be back.
        if sync_directory(&self.locked).is_ok() {
            // What cannot be deleted is in nobody's way but for the room that it takes.
            let _ = self.delete_all_but(named);
        }
    }

    /// Saves the image and then the state, or neither.
    fn save(
        &self,
        state: &[u8],
        image_id: u64,
        write: impl Fn(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), DirectoryError> {
        self.save_image(image_id, &write)
            .map_err(|error| room::explain(error, &self.locked, &write))?;
        save_file(&self.state_path(), state).map_err(|error| {
            // The new state may be in its place already, and only its directory is not on the disk.
            // If that cannot be told, the image stays: the next save deletes it if no state names it.
            let unnamed = match self.state() {
                Ok(found) => found != state,
                Err(error) => error.is_of([ErrorKind::NotFound, ErrorKind::InvalidInput]),
            };
            let path = self.image_path(image_id);
            match unnamed.then(|| fs::remove_file(&path)) {
                None | Some(Ok(())) => error.into(),
                Some(Err(source)) => DirectoryError::ImageLeft {
                    error,
                    left: FileError::new("delete", &path, source),
                },
            }
        })
    }

    fn save_image(&self, id: u64, write: impl Fn(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
        let path = self.image_path(id);
        if fs::symlink_metadata(&path).is_ok() {
            // Perhaps it belongs to the state that is there.
            let taken = io::Error::new(ErrorKind::AlreadyExists, "there is an image with this ID");
            return Err(FileError::new("create", &path, taken));
        }
        let failed = |source| FileError::new("write", &path, source);
        let mut image = BufWriter::with_capacity(BUFFER, PendingFile::create(&path)?);
        write(&mut image).map_err(failed)?;
        let image = image.into_inner().map_err(|error| failed(error.into_error()))?;
        image.commit().inspect_err(|_| {
            // Under its name, but perhaps not on the disk. No state names it.
            let _ = fs::remove_file(&path);
        })
    }

    /// Deletes the images that the state does not name, and what unfinished saves left. Other files stay.
    fn delete_all_but(&self, named: Option<u64>) -> Result<(), TidyError> {
        let unread = |source| FileError::new("read", &self.path, source);
        let errors: Vec<_> = match fs::read_dir(&self.path) {
            // One that cannot be deleted does not keep the others.
            Ok(entries) => entries
                .filter_map(|entry| entry.map_err(unread).and_then(|entry| self.delete(&entry, named)).err())
                .collect(),
            Err(source) => vec![unread(source)],
        };
        if errors.is_empty() {
            Ok(())
        } else {
            Err(TidyError { errors })
        }
    }

    /// Deletes a file if it is an image that the state does not name, or what an unfinished save left.
    fn delete(&self, entry: &DirEntry, named: Option<u64>) -> Result<(), FileError> {
        let ours = match self.layout.name(&entry.file_name()) {
            Some(Name::Image(id)) => Some(id) != named,
            Some(Name::Unfinished) => true,
            None => false,
        };
        let path = entry.path();
        let deleted = if ours {
            entry
                .file_type()
                .and_then(|kind| if kind.is_file() { fs::remove_file(&path) } else { Ok(()) })
        } else {
            Ok(())
        };
        deleted.map_err(|source| FileError::new("delete", &path, source))
    }
}

/// A state and an image that were saved. The files of earlier saves may still be there.
///
/// It keeps the directory locked. Call [`tidy`](Self::tidy) or drop it before the directory is opened or saved to again.
#[derive(Debug)]
pub struct Saved {
    directory: Directory,
    image_id: u64,
}

impl Saved {
    /// Deletes the images and temporary files of earlier saves. Files with other names stay. This can take long for a large
    /// image. It is optional: the next save does the same.
    ///
    /// # Errors
    ///
    /// Returns [`TidyError`] with the error for each file that could not be deleted. The other files are deleted.
    pub fn tidy(self) -> Result<(), TidyError> {
        self.directory.delete_all_but(Some(self.image_id))
    }
}
