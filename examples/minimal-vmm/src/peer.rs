//! Who is at the other end of a Unix socket.

use std::os::unix::net::UnixStream;

use anyhow::{Context, Result, ensure};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{geteuid, getpid};

const ROOT: u32 = 0;

/// Refuses everyone but this user and root, who may do everything anyway. Both ends ask: the one that listens is asked who
/// it was when it began to listen.
pub fn check(stream: &UnixStream) -> Result<()> {
    let peer = socket_peercred(stream).context("cannot ask who is at the other end of the socket")?;
    check_user(peer.uid.as_raw(), geteuid().as_raw())
}

fn check_user(peer: u32, own: u32) -> Result<()> {
    ensure!(
        [own, ROOT].contains(&peer),
        "user {peer} is at the other end of the socket, and this is a matter of user {own} alone"
    );
    Ok(())
}

/// Returns `true` if this process itself is at the other end.
pub fn is_this_process(stream: &UnixStream) -> bool {
    socket_peercred(stream).is_ok_and(|peer| peer.pid == getpid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_user_and_root_are_trusted() -> Result<()> {
        for (peer, own) in [(1000, 1000), (0, 1000), (0, 0)] {
            check_user(peer, own)?;
        }
        let refusal = check_user(1001, 1000).unwrap_err().to_string();
        assert!(refusal.starts_with("user 1001 is at the other end"), "{refusal}");
        assert!(check_user(1000, 0).is_err(), "root's VMM does not serve everyone");

        let (here, there) = UnixStream::pair()?;
        check(&here)?;
        assert!(is_this_process(&there));
        Ok(())
    }
}
