//! A socket in the file system that is removed with its listener.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf, absolute};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{error, fmt};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
use rustix::process::geteuid;

use crate::shown::shown;

/// How long another process may take to start or stop listening in the same directory.
const PATIENCE: Duration = Duration::from_secs(3);

/// Calls that wait until they are accepted.
const BACKLOG: i32 = 128;

/// A socket that listens at a path. When it is dropped, it removes its own socket from the file system, and no other.
///
/// It derefs to `S`, the type of the socket: [`UnixListener`] with its `accept` for streams, [`OwnedFd`] for packets. Dropping it
/// waits up to three seconds if another process starts or stops listening in the same directory.
#[derive(Debug)]
#[must_use = "nothing listens any more when this is dropped"]
pub struct Listener<S = UnixListener> {
    socket: S,
    path: PathBuf,
    /// Device and inode of the socket in the file system.
    file: (u64, u64),
}

impl Listener<UnixListener> {
    /// Listens for streams (`SOCK_STREAM`) at `path`.
    ///
    /// The stale socket of a killed process is replaced. Anything else at the path stays, and is an error. Only this user may
    /// connect: the socket has the mode 0600. Waits up to three seconds if another process starts or stops listening in the same
    /// directory.
    ///
    /// The path exists a moment before the process listens. A client that is started at the same time tries again after
    /// `ConnectionRefused`.
    ///
    /// # Errors
    ///
    /// Returns [`ListenError`]. The path is unchanged, except that a stale socket may have been removed.
    pub fn stream(path: &Path) -> Result<Self, ListenError> {
        Self::bind(path, SocketType::STREAM)
    }
}

impl Listener<OwnedFd> {
    /// Listens for sequences of packets (`SOCK_SEQPACKET`) at `path`, with the rules of [`stream`](Listener::stream). The
    /// standard library has no type for such a socket. Use the module [`packets`](crate::packets), or accept and receive
    /// with `rustix` or `libc`.
    ///
    /// # Errors
    ///
    /// The errors of [`stream`](Listener::stream).
    pub fn seqpacket(path: &Path) -> Result<Self, ListenError> {
        Self::bind(path, SocketType::SEQPACKET)
    }
}

impl<S: From<OwnedFd>> Listener<S> {
    fn bind(path: &Path, kind: SocketType) -> Result<Self, ListenError> {
        let bound = try_bind(path, kind).map_err(|reason| ListenError {
            path: path.to_owned(),
            reason,
        });
        bound.map(|(socket, file)| Self {
            socket: socket.into(),
            // The process may go to another directory meanwhile.
            path: absolute(path).unwrap_or_else(|_| path.to_owned()),
            file,
        })
    }
}

fn try_bind(path: &Path, kind: SocketType) -> Result<(OwnedFd, (u64, u64)), ListenReason> {
    let directory = directory(path);
    check_directory(directory)?;
    // Two that find the same left-over socket must not both replace it.
    let _lock = lock(directory)?;
    if is_left_over(path)? {
        fs::remove_file(path)?;
    }
    let socket = socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    let listening = fs::set_permissions(path, Permissions::from_mode(0o600))
        .and_then(|()| Ok(listen(&socket, BACKLOG)?))
        .and_then(|()| identity(path));
    match listening {
        Ok(file) => Ok((socket, file)),
        Err(error) => {
            // Nobody could connect to it yet, or ever will.
            let _ = fs::remove_file(path);
            Err(error.into())
        }
    }
}

/// The directory must belong to this user or to root, and it must not let everyone replace the socket.
fn check_directory(directory: &Path) -> Result<(), ListenReason> {
    const STICKY: u32 = 0o1000;
    const WRITABLE_BY_ALL: u32 = 0o002;
    let found = fs::metadata(directory)?;
    let (owner, own, mode) = (found.uid(), geteuid().as_raw(), found.mode() & 0o7777);
    let directory = || directory.to_owned();
    if ![own, 0].contains(&owner) {
        let directory = directory();
        Err(ListenReason::ForeignDirectory { directory, owner, own })
    } else if mode & WRITABLE_BY_ALL != 0 && mode & STICKY == 0 {
        let directory = directory();
        Err(ListenReason::PublicDirectory { directory, mode })
    } else {
        Ok(())
    }
}

/// Locks a directory against others that start or stop listening in it. The lock ends with the file.
fn lock(directory: &Path) -> Result<File, ListenReason> {
    // Anything else could be waited for without end, a named pipe for example.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let lock = File::from(open(directory, flags, Mode::empty())?);
    let start = Instant::now();
    loop {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(Errno::WOULDBLOCK) if start.elapsed() > PATIENCE => {
                let directory = directory.to_owned();
                return Err(ListenReason::Locked { directory });
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => sleep(Duration::from_millis(5)),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Returns `true` if there is a socket that nobody listens at. It is asked with a socket of another kind, whose call a
/// listener does not hear.
fn is_left_over(path: &Path) -> io::Result<bool> {
    Ok(
        fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
            && UnixDatagram::unbound()?
                .connect(path)
                .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused),
    )
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

impl<S> Deref for Listener<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.socket
    }
}

impl<S: AsFd> AsFd for Listener<S> {
    /// Becomes readable when somebody calls.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<S> Drop for Listener<S> {
    fn drop(&mut self) {
        // Another process may listen there by now. If the socket is gone already, all the better.
        let _lock = lock(directory(&self.path));
        if identity(&self.path).is_ok_and(|found| found == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why listening at a path failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct ListenError {
    /// The path of the socket.
    pub path: PathBuf,
    /// The reason.
    pub reason: ListenReason,
}

/// Why a [`Listener`] cannot listen.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListenReason {
    /// The directory belongs to another user, who could replace the socket.
    ForeignDirectory {
        /// The directory of the socket.
        directory: PathBuf,
        /// The user ID of its owner.
        owner: u32,
        /// The user ID of this process.
        own: u32,
    },
    /// Everyone may replace files in the directory.
    PublicDirectory {
        /// The directory of the socket.
        directory: PathBuf,
        /// Its mode bits.
        mode: u32,
    },
    /// Another process has kept the directory locked for three seconds.
    Locked {
        /// The directory of the socket.
        directory: PathBuf,
    },
    /// A system call failed: with [`ErrorKind::AddrInUse`] if another process listens at the path, or if the path is not a socket.
    System(io::Error),
}

impl From<io::Error> for ListenReason {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Errno> for ListenReason {
    fn from(errno: Errno) -> Self {
        Self::System(errno.into())
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen at {}: ", shown(&self.path))?;
        match &self.reason {
            ListenReason::ForeignDirectory { directory, owner, own } => write!(
                f,
                "the directory {} belongs to user {owner}, not to user {own}",
                shown(directory)
            ),
            ListenReason::PublicDirectory { directory, mode } => write!(
                f,
                "everyone may replace files in the directory {} (mode {mode:o})",
                shown(directory)
            ),
            ListenReason::Locked { directory } => {
                write!(f, "another process keeps the directory {} locked", shown(directory))
            }
            ListenReason::System(error) => write!(f, "{error}"),
        }
    }
}

impl error::Error for ListenError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.reason {
            ListenReason::System(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
