//! A Unix socket that is listened at, and that goes with its listener.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::geteuid;

/// How long another VMM may take to begin or to end listening in the same directory.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Device and inode of the socket in the file system.
    file: (u64, u64),
}

impl Listener {
    /// Listens at `path`. The socket of a VMM that was killed is replaced; anything else is in the way.
    pub fn bind(path: &Path) -> Result<Self> {
        Self::try_bind(path).with_context(|| format!("cannot listen at {}", path.display()))
    }

    fn try_bind(path: &Path) -> Result<Self> {
        check_directory(directory(path))?;
        // Two that find the same left-over socket must not both replace it.
        let _lock = lock(directory(path))?;
        if is_left_over(path)? {
            fs::remove_file(path)?;
        }
        let socket = UnixListener::bind(path)?;
        // Both ends ask who the other is. This is for whoever looks at the directory.
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let file = identity(path)?;
        Ok(Self {
            socket,
            path: path.to_owned(),
            file,
        })
    }
}

/// The directory must belong to this user or to root, and nobody else may replace what is in it.
fn check_directory(directory: &Path) -> Result<()> {
    const STICKY: u32 = 0o1000;
    const WRITABLE_BY_ALL: u32 = 0o002;
    let found = fs::metadata(directory)?;
    let own = geteuid().as_raw();
    let (owner, mode) = (found.uid(), found.mode());
    ensure!(
        [own, 0].contains(&owner),
        "the directory {} belongs to user {owner}, not to user {own}",
        directory.display()
    );
    ensure!(
        mode & WRITABLE_BY_ALL == 0 || mode & STICKY != 0,
        "everyone may replace what is in the directory {} (mode {:o})",
        directory.display(),
        mode & 0o7777
    );
    Ok(())
}

/// Locks a directory against others that begin or end to listen in it.
fn lock(directory: &Path) -> Result<File> {
    let lock = File::open(directory)?;
    let start = Instant::now();
    while lock.try_lock().is_err() {
        if start.elapsed() > PATIENCE {
            bail!("another process keeps the directory {} locked", directory.display());
        }
        sleep(Duration::from_millis(5));
    }
    Ok(lock)
}

/// Whether a socket is there that nobody listens at. It is asked with a socket of another kind, whose call a listener
/// does not hear.
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

impl Deref for Listener {
    type Target = UnixListener;

    fn deref(&self) -> &UnixListener {
        &self.socket
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Another VMM may listen there by now. If the socket is gone already, all the better.
        let _lock = lock(directory(&self.path));
        if identity(&self.path).is_ok_and(|found| found == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn only_a_socket_that_nobody_listens_at_is_replaced() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("socket");
        let listener = Listener::bind(&path)?;
        listener.set_nonblocking(true)?;
        let refusal = format!("{:#}", Listener::bind(&path).unwrap_err());
        assert!(refusal.contains("in use"), "{refusal}");
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            ErrorKind::WouldBlock,
            "it was disturbed"
        );
        drop(listener);
        assert!(!path.exists());

        drop(UnixListener::bind(&path)?);
        assert!(path.exists(), "what a kill leaves");
        drop(Listener::bind(&path)?);

        fs::write(&path, "vmlinuz")?;
        assert!(Listener::bind(&path).is_err());
        assert_eq!(fs::read(&path)?, b"vmlinuz");
        Ok(())
    }

    #[test]
    fn of_many_that_find_the_same_left_over_socket_one_listens() -> Result<()> {
        const STARTERS: usize = 4;
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("socket");
        for round in 0..200 {
            drop(UnixListener::bind(&path)?);
            let barrier = Barrier::new(STARTERS);
            let bind = || {
                barrier.wait();
                Listener::bind(&path)
            };
            let listeners: Vec<_> = thread::scope(|scope| {
                let starters: Vec<_> = (0..STARTERS).map(|_| scope.spawn(bind)).collect();
                starters.into_iter().map(|starter| starter.join().unwrap()).collect()
            });
            let bound = listeners.iter().filter(|listener| listener.is_ok()).count();
            assert_eq!(bound, 1, "round {round}: {listeners:?}");
            assert!(path.exists(), "round {round}");
            drop(listeners);
            assert!(!path.exists(), "round {round}");
        }
        Ok(())
    }

    #[test]
    fn the_socket_of_another_listener_is_not_removed() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("socket");
        let first = Listener::bind(&path)?;
        fs::remove_file(&path)?;
        let _second = Listener::bind(&path)?;
        drop(first);
        assert!(path.exists());
        Ok(())
    }

    #[test]
    fn a_directory_that_everyone_may_change_is_refused() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("socket");
        for (mode, taken) in [(0o777, false), (0o1777, true), (0o700, true), (0o755, true)] {
            fs::set_permissions(directory.path(), Permissions::from_mode(mode))?;
            let bound = Listener::bind(&path);
            assert_eq!(bound.is_ok(), taken, "{mode:o}: {bound:?}");
            if let Err(error) = bound {
                let refusal = format!("{error:#}");
                assert!(refusal.contains("everyone may replace"), "{refusal}");
            } else {
                assert_eq!(fs::metadata(&path)?.mode() & 0o777, 0o600);
            }
        }
        Ok(())
    }
}
