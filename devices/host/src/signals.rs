//! Signals as a descriptor to wait for.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{FORBIDDEN, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use crate::error::HostError;

/// Catches signals so that they do not end the process; read them with [`take`](Self::take). A VMM can then restore its
/// terminal and remove its sockets before it ends.
///
/// `as_fd` is readable until all signals are taken: it can also be the `wake` of a stream or a migration of `devstate-socket`.
///
/// After this is dropped, the signals do nothing: they do not end the process.
///
/// ```
/// use devstate_host::Signals;
/// use signal_hook::consts::SIGTERM;
///
/// let mut signals = Signals::catch([SIGTERM])?;
/// signal_hook::low_level::raise(SIGTERM)?;
/// assert_eq!(signals.take(), Some(SIGTERM)); // `poll` says when: `signals.as_fd()`
///
/// drop(signals);
/// signal_hook::low_level::raise(SIGTERM)?; // does nothing
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
    /// Have come, and have not been taken.
    left: Vec<i32>,
    /// Makes the descriptor readable.
    write: UnixStream,
}

impl Signals {
    /// Catches the signals that ask a process to end: `SIGTERM`, `SIGINT`, `SIGQUIT` and `SIGHUP`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`catch`](Self::catch).
    pub fn ending() -> Result<Self, HostError> {
        Self::catch([SIGTERM, SIGINT, SIGQUIT, SIGHUP])
    }

    /// Catches `signals`, except those that the process was started to ignore, as `nohup` does: they are still ignored.
    ///
    /// # Errors
    ///
    /// Returns [`HostError`] if the process has no descriptors left, or if one of the signals cannot be caught, such as
    /// `SIGKILL`, `SIGSTOP`, `SIGSEGV`, or a number that no signal has.
    pub fn catch(signals: impl IntoIterator<Item = i32>) -> Result<Self, HostError> {
        let ignored = ignored();
        let is_ignored = |signal: &i32| (1..=64).contains(signal) && ignored >> (signal - 1) & 1 != 0;
        let caught: Vec<_> = signals.into_iter().filter(|signal| !is_ignored(signal)).collect();
        let refused = |signal: &&i32| !(1..=64).contains(*signal) || FORBIDDEN.contains(signal);
        if let Some(signal) = caught.iter().find(refused) {
            let error = io::Error::new(ErrorKind::InvalidInput, format!("signal {signal} cannot be caught"));
            return Err(HostError::when("handle signals")(error));
        }
        let (read, write) = UnixStream::pair().map_err(HostError::when("make a pipe for signals"))?;
        let again = write.try_clone().map_err(HostError::when("make a pipe for signals"))?;
        again
            .set_nonblocking(true)
            .map_err(HostError::when("make a pipe for signals"))?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, caught);
        Ok(Self {
            delivery: delivery.map_err(HostError::when("handle signals"))?,
            left: Vec::new(),
            write: again,
        })
    }

    /// Takes a signal that has come, or returns `None` if there is none.
    pub fn take(&mut self) -> Option<i32> {
        self.left.extend(self.delivery.pending());
        let taken = self.left.pop();
        if !self.left.is_empty() {
            // To be waited for again. If it is full, it is readable.
            let _ = self.write.write(b"!");
        }
        taken
    }
}

impl AsFd for Signals {
    /// Returns a descriptor that is readable when a signal has come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.delivery.get_read().as_fd()
    }
}

/// The signals that the process ignores, a bit for each. Rust's runtime adds `SIGPIPE`.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_cannot_be_caught_is_refused_by_number() {
        for signal in [i32::MIN, -1, 0, 65, 128, i32::MAX, 9, 19, 4, 8, 11] {
            let refusal = Signals::catch([SIGTERM, signal]).unwrap_err().to_string();
            assert_eq!(
                refusal,
                format!("cannot handle signals: signal {signal} cannot be caught")
            );
        }
    }

    /// Not a test of its own: the next one starts it with signals that are ignored.
    #[test]
    fn is_started_to_ignore_hangups() -> Result<(), Box<dyn std::error::Error>> {
        if std::env::var_os(IGNORES_HANGUPS).is_none() {
            return Ok(());
        }
        let mut signals = Signals::ending()?;
        signal_hook::low_level::raise(SIGHUP)?;
        assert_eq!(signals.take(), None, "it is not ignored any more");
        signal_hook::low_level::raise(SIGTERM)?;
        assert_eq!(signals.take(), Some(SIGTERM));
        Ok(())
    }

    const IGNORES_HANGUPS: &str = "DEVSTATE_HOST_TEST_IGNORES_HANGUPS";

    /// As `nohup` starts a process.
    #[test]
    fn a_signal_that_is_ignored_stays_ignored() -> Result<(), Box<dyn std::error::Error>> {
        let test = "signals::tests::is_started_to_ignore_hangups";
        let child = std::process::Command::new("sh")
            .args(["-c", "trap '' HUP && exec \"$0\" --exact \"$1\""])
            .arg(std::env::current_exe()?)
            .arg(test)
            .env(IGNORES_HANGUPS, "")
            .output()?;
        let printed = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && printed.contains("1 passed"), "{printed}");
        Ok(())
    }

    #[test]
    fn a_second_signal_can_be_waited_for() {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut signals = Signals::catch([rustix::process::Signal::USR2.as_raw(), 28]).unwrap();
        for signal in [rustix::process::Signal::USR2.as_raw(), 28] {
            signal_hook::low_level::raise(signal).unwrap();
        }
        let mut taken = Vec::new();
        for _ in 0..2 {
            let mut fds = [PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
            assert_eq!(poll(&mut fds, Some(&Timespec::default())), Ok(1));
            taken.push(signals.take().unwrap());
        }
        taken.sort_unstable();
        assert_eq!(taken, [rustix::process::Signal::USR2.as_raw(), 28]);
        assert_eq!(signals.take(), None);
    }
}
