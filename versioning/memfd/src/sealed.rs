//! Memory that nobody can change any more.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::{error, fmt};

use devstate_versioning::checksum::Checksum;
use rustix::fs::{OFlags, SealFlags, fcntl_get_seals, fcntl_getfl, sendfile};
use rustix::io::Errno;

/// The seals that forbid every change, and taking the seals off.
pub(crate) const ALL_SEALS: SealFlags = SealFlags::WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// Bytes that are copied inside the kernel at a time.
const CHUNK: usize = 16 << 20;

/// Bytes that are read at a time.
const PIECE: usize = 256 << 10;

/// Memory whose seals forbid every change: no process can write to it, resize it or take the seals off.
///
/// Read it like a file, at offsets, with [`FileExt`]. Do not use the position of the file: it is shared with the
/// process that sent the descriptor.
#[derive(Debug)]
pub struct Sealed {
    file: File,
    len: usize,
}

impl Sealed {
    /// Checks that a descriptor is memory that nobody can change, and that it can be read.
    ///
    /// # Errors
    ///
    /// Returns [`SealedError`] if the descriptor cannot be read, if the memory could still change, or if a system call
    /// failed.
    pub fn new(file: OwnedFd) -> Result<Self, SealedError> {
        let flags = fcntl_getfl(&file).map_err(|errno| SealedError::System(errno.into()))?;
        // A descriptor that only names a file (`O_PATH`) has no mode.
        let mode = flags & (OFlags::ACCMODE | OFlags::PATH);
        if mode != OFlags::RDONLY && mode != OFlags::RDWR {
            return Err(SealedError::NotReadable);
        }
        match fcntl_get_seals(&file) {
            Ok(seals) if seals.contains(ALL_SEALS) => {}
            // The error is what the system says of other files, which have no seals at all.
            Ok(_) | Err(Errno::INVAL) => return Err(SealedError::NotSealed),
            Err(errno) => return Err(SealedError::System(errno.into())),
        }
        let file = File::from(file);
        let len = file.metadata().map_err(SealedError::System)?.len();
        let len = usize::try_from(len).map_err(|_| SealedError::System(ErrorKind::FileTooLarge.into()))?;
        Ok(Self { file, len })
    }

    /// Returns the size of the memory in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if the memory has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the memory as a file. Read it at offsets.
    #[must_use]
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Returns a copy of all bytes. If you do not trust the sender, look at [`len`](Self::len) first: memory without pages may be
    /// longer than all that this system has.
    ///
    /// # Errors
    ///
    /// Returns the system's error, and `OutOfMemory` if there is no room for the copy.
    pub fn to_vec(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(self.len)?;
        bytes.resize(self.len, 0);
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Copies all bytes to `target`, at its position, inside the kernel. If the kernel cannot copy to the target, for
    /// example to a device, it writes the bytes. It calls `progress` with the number of bytes so far.
    ///
    /// # Errors
    ///
    /// Returns the system's error, and `WriteZero` if the target takes no more bytes.
    pub fn copy_to(&self, mut target: &File, progress: &mut dyn FnMut(usize)) -> io::Result<()> {
        let mut offset = 0;
        while (offset as usize) < self.len {
            let done = offset as usize;
            match sendfile(target, &self.file, Some(&mut offset), (self.len - done).min(CHUNK)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => progress(offset as usize),
                Err(Errno::INTR) => {}
                Err(Errno::INVAL) => {
                    let mut done = done;
                    return self.read_pieces(offset, &mut |piece| {
                        target.write_all(piece)?;
                        done += piece.len();
                        progress(done);
                        Ok(())
                    });
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Computes the checksum of all bytes.
    pub(crate) fn checksum<C: Checksum>(&self) -> io::Result<u64> {
        let mut digest = C::start();
        self.read_pieces(0, &mut |piece| {
            C::update(&mut digest, piece);
            Ok(())
        })?;
        Ok(C::finish(digest))
    }

    /// Calls `take` with all bytes from `offset` on, piece by piece.
    fn read_pieces(&self, mut offset: u64, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = vec![0; PIECE.min(self.len)];
        loop {
            match self.file.read_at(&mut buffer, offset) {
                Ok(0) => return Ok(()),
                Ok(len) => {
                    take(buffer.get(..len).unwrap_or_default())?;
                    offset += len as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl From<Sealed> for OwnedFd {
    fn from(sealed: Sealed) -> Self {
        sealed.file.into()
    }
}

impl AsFd for Sealed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Why a descriptor is not sealed memory.
#[derive(Debug)]
#[non_exhaustive]
pub enum SealedError {
    /// The descriptor is not open for reading, for example only for writing.
    NotReadable,
    /// A seal against writing, shrinking, growing or further seals is missing, so the bytes could still change.
    NotSealed,
    /// A system call failed.
    System(io::Error),
}

impl fmt::Display for SealedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReadable => f.write_str("the descriptor is not open for reading"),
            Self::NotSealed => f.write_str("the memory is not sealed, so it could still change"),
            Self::System(error) => write!(f, "cannot use the memory: {error}"),
        }
    }
}

impl error::Error for SealedError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::NotReadable | Self::NotSealed => None,
            Self::System(error) => error.source(),
        }
    }
}
