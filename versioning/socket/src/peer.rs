//! Checks the user at the other end of a Unix socket.

use std::os::fd::AsFd;
use std::{error, fmt, io};

use rustix::net::sockopt::socket_peercred;
use rustix::process::{geteuid, getpid};

const ROOT: u32 = 0;

/// Returns `Ok` if the process at the other end of a connected socket belongs to the same user as this process, or to root.
///
/// Both ends can check. The end that connected sees the user at the time when the other process started to listen.
///
/// # Errors
///
/// Returns [`PeerError`] if the process belongs to another user, or if the system does not report its user.
pub fn check_peer(socket: impl AsFd) -> Result<(), PeerError> {
    let peer = socket_peercred(socket).map_err(|errno| PeerError::Unknown(errno.into()))?;
    check_user(peer.uid.as_raw(), geteuid().as_raw())
}

fn check_user(user: u32, own: u32) -> Result<(), PeerError> {
    if [own, ROOT].contains(&user) {
        Ok(())
    } else {
        Err(PeerError::Stranger { user, own })
    }
}

/// Returns `true` if this process itself is at the other end of a connected socket, and `false` if the system does not
/// report it.
pub fn is_this_process(socket: impl AsFd) -> bool {
    socket_peercred(socket).is_ok_and(|peer| peer.pid == getpid())
}

/// Why the process at the other end of a socket is not trusted.
#[derive(Debug)]
#[non_exhaustive]
pub enum PeerError {
    /// The process belongs to another user, who is not root.
    Stranger {
        /// The user ID of the other process.
        user: u32,
        /// The user ID of this process.
        own: u32,
    },
    /// The system does not report the user.
    Unknown(io::Error),
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger { user, own } => write!(
                f,
                "user {user} is at the other end of the socket: only user {own} and root are trusted"
            ),
            Self::Unknown(error) => write!(f, "cannot ask who is at the other end of the socket: {error}"),
        }
    }
}

impl error::Error for PeerError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Stranger { .. } => None,
            Self::Unknown(error) => error.source(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::net::UnixStream;
    use std::thread;

    use rustix::process::Uid;
    use rustix::thread::set_thread_res_uid;

    use super::*;

    pub(crate) const STRANGER: u32 = 65534;

    /// Does something as another user. Returns `None` where only this one is to be had.
    pub(crate) fn as_a_stranger<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
        let stranger = Uid::from_raw(STRANGER);
        let become_one = move || set_thread_res_uid(stranger, stranger, stranger);
        let done = thread::scope(|scope| scope.spawn(|| become_one().ok().map(|()| work())).join().unwrap());
        if done.is_none() {
            println!("skipped: only root can become another user");
        }
        done
    }

    /// Whoever asks who is at the other end of these hears of another user.
    pub(crate) fn with_a_stranger() -> Option<(UnixStream, UnixStream)> {
        as_a_stranger(|| UnixStream::pair().unwrap())
    }

    #[test]
    fn only_this_user_and_root_are_trusted() {
        for (peer, own) in [(1000, 1000), (0, 1000), (0, 0)] {
            check_user(peer, own).unwrap();
        }
        let refusal = check_user(1001, 1000).unwrap_err();
        assert!(
            matches!(refusal, PeerError::Stranger { user: 1001, own: 1000 }),
            "{refusal}"
        );
        assert!(
            refusal.to_string().starts_with("user 1001 is at the other end"),
            "{refusal}"
        );
        assert!(check_user(1000, 0).is_err(), "root's process does not serve everyone");

        let (here, there) = UnixStream::pair().unwrap();
        check_peer(&here).unwrap();
        assert!(is_this_process(&there));
    }

    #[test]
    fn a_file_has_no_other_end() {
        let file = tempfile::tempfile().unwrap();
        assert!(matches!(check_peer(&file), Err(PeerError::Unknown(_))));
        assert!(!is_this_process(&file));
    }
}
