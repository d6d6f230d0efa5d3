//! A stream that is used for a limited time.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use embedded_io::{ErrorType, Read, Write};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Reads and writes fail when the time is over, however many of them there were, and when a signal has come.
#[derive(Debug)]
pub(super) struct Timed<'s> {
    stream: UnixStream,
    deadline: Instant,
    limit: Duration,
    /// Readable when a signal has come.
    signals: BorrowedFd<'s>,
}

impl<'s> Timed<'s> {
    pub(super) fn new(stream: UnixStream, limit: Duration, signals: BorrowedFd<'s>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            deadline: Instant::now() + limit,
            limit,
            signals,
        })
    }

    /// From now on there is so much time.
    pub(super) fn restart(&mut self, limit: Duration) {
        (self.limit, self.deadline) = (limit, Instant::now() + limit);
    }

    /// Takes what is in the stream, when nothing more can come into it: from here on the other side's writes fail.
    pub(super) fn close_and_take(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Read)?;
        self.stream.read_exact(bytes)
    }

    fn wait(&self, wanted: PollFlags) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or_default();
        let mut fds = [
            PollFd::new(&self.stream, wanted),
            PollFd::from_borrowed_fd(self.signals, PollFlags::IN),
        ];
        match poll(&mut fds, Some(&left)) {
            Ok(0) => {
                let message = format!("the other side took more than {} s", self.limit.as_secs());
                Err(io::Error::new(ErrorKind::TimedOut, message))
            }
            Ok(_) if fds.iter().skip(1).any(|fd| !fd.revents().is_empty()) => {
                Err(io::Error::other("a signal ends this VMM"))
            }
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn repeat(
        &mut self,
        wanted: PollFlags,
        mut access: impl FnMut(&mut UnixStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            // First of all: one that always has something to say is not listened to for ever.
            self.wait(wanted)?;
            match access(&mut self.stream) {
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) => {}
                done => return done,
            }
        }
    }
}

impl ErrorType for Timed<'_> {
    type Error = io::Error;
}

impl Read for Timed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.repeat(PollFlags::IN, |stream| stream.read(bytes))
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.repeat(PollFlags::OUT, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
