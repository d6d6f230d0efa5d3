//! The socket in the file system: one server at each, and nobody but its user on either side.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::socket_peercred;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};
use rustix::process::geteuid;

/// Connections that wait until they are accepted.
const BACKLOG: i32 = 128;

/// A socket that listens, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    socket: OwnedFd,
    path: PathBuf,
    /// Held as long as this is there. Its file stays: whoever removed it could remove the next server's.
    _lock: File,
}

impl Listener {
    /// Listens at `path`. A socket that a server left there is replaced; anything else is not.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let lock = lock(path)?;
        let socket = seqpacket(SocketFlags::empty())?;
        let address = SocketAddrUnix::new(path)?;
        remove_stale_socket(path, &address)?;
        bind(&socket, &address)?;
        let listener = Self {
            socket,
            path: path.into(),
            _lock: lock,
        };
        listen(&listener.socket, BACKLOG)?;
        Ok(listener)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Nobody can do anything about it if this fails, and the next server replaces the socket.
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns a new socket of the kind that client and server use.
pub(super) fn seqpacket(flags: SocketFlags) -> Result<OwnedFd, Errno> {
    socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        flags | SocketFlags::CLOEXEC,
        None,
    )
}

/// Returns the user on the other side if it is another one than ours, and not root.
pub(super) fn stranger(socket: impl AsFd) -> Result<Option<u32>, Errno> {
    let peer = socket_peercred(socket)?.uid;
    Ok((peer != geteuid() && !peer.is_root()).then(|| peer.as_raw()))
}

/// Takes the lock beside a socket, which at most one server has: between finding a socket stale and replacing it no other
/// one may do the same.
fn lock(path: &Path) -> io::Result<File> {
    let mut name = OsString::from(path);
    name.push(".lock");
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let lock = File::from(open(&name, flags, Mode::RUSR | Mode::WUSR)?);
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Errno::ADDRINUSE.into()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the socket of a server that is gone. One that answers stays, and so does every other kind of file.
fn remove_stale_socket(path: &Path, address: &SocketAddrUnix) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            // Without waiting: a server that is busy is one that is there.
            let probe = seqpacket(SocketFlags::NONBLOCK)?;
            match retry_on_intr(|| connect(&probe, address)) {
                Err(Errno::CONNREFUSED) => fs::remove_file(path),
                _ => Err(Errno::ADDRINUSE.into()),
            }
        }
        Ok(_) => Err(Errno::ADDRINUSE.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
