//! The signals that end the VMM, as something to wait for: so it puts terminal and sockets back first.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

#[derive(Debug)]
pub struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
}

impl Signals {
    /// No signal is caught.
    #[cfg(test)]
    pub fn none() -> Result<Self> {
        let (read, write) = UnixStream::pair()?;
        Ok(Self {
            delivery: SignalDelivery::with_pipe(read, write, SignalOnly, [] as [i32; 0])?,
        })
    }

    /// From here on these signals no longer end the process by themselves. Those that the process was started to ignore, as
    /// `nohup` does, are still ignored.
    pub fn catch() -> Result<Self> {
        let ignored = ignored();
        let signals = [SIGTERM, SIGINT, SIGQUIT, SIGHUP];
        let caught = signals.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let (read, write) = UnixStream::pair().context("cannot make a pipe for signals")?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, caught.collect::<Vec<_>>());
        Ok(Self {
            delivery: delivery.context("cannot handle signals")?,
        })
    }

    /// Takes a signal that has come.
    pub fn take(&mut self) -> Option<i32> {
        self.delivery.pending().next()
    }
}

impl AsFd for Signals {
    /// Becomes readable when a signal has come.
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
