//! A Unix socket that is listened at, and that goes with its listener.

use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`. The socket of a VMM that was killed is replaced; anything else is in the way.
    pub fn bind(path: &Path) -> Result<Self> {
        let bind = || {
            if is_left_over(path)? {
                fs::remove_file(path)?;
            }
            UnixListener::bind(path)
        };
        Ok(Self {
            socket: bind().with_context(|| format!("cannot listen at {}", path.display()))?,
            path: path.to_owned(),
        })
    }
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

impl Deref for Listener {
    type Target = UnixListener;

    fn deref(&self) -> &UnixListener {
        &self.socket
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // If it is gone already, all the better.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
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
}
