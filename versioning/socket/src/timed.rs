//! A stream that is used for a limited time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use embedded_io::ErrorType;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// A stream with one deadline for all reads and writes, and with a descriptor that ends them early.
///
/// A timeout of a socket starts again with each read, so a peer can extend it by sending single bytes. This stream
/// fails with [`ErrorKind::TimedOut`] when the deadline has passed, and the peer cannot prevent this. It fails with
/// [`ErrorKind::Other`] as soon as the descriptor `wake` is readable, or its other end is closed: for example a pipe
/// that a signal handler writes to. Keep the writing end of such a pipe. If nothing should stop the stream, pass a pipe
/// that nobody writes to.
///
/// It implements `Read` and `Write` of `std::io` and of `embedded_io`. The latter is what `devstate_versioning` reads from.
///
/// ```
/// use devstate_socket::TimedStream;
/// use std::io::{ErrorKind, Read, Write, pipe};
/// use std::os::{fd::AsFd, unix::net::UnixStream};
/// use std::time::Duration;
///
/// let (here, mut there) = UnixStream::pair()?;
/// let (wake, stop) = pipe()?;
/// let mut stream = TimedStream::new(here, Duration::from_millis(20), wake.as_fd())?;
/// there.write_all(b"a")?;
/// stream.read_exact(&mut [0])?;
/// assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
///
/// stream.restart(Duration::from_secs(60));
/// (&stop).write_all(b"!")?;
/// assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::Other);
/// assert!(stream.is_stopped());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct TimedStream<'w> {
    stream: UnixStream,
    deadline: Instant,
    limit: Duration,
    wake: Option<BorrowedFd<'w>>,
    stopped: bool,
}

/// Why `wake` ends an access.
pub(crate) const STOPPED: &str = "this process was told to stop";

impl<'w> TimedStream<'w> {
    /// Creates it from a connected stream. The stream may be used for `limit` from now on.
    ///
    /// # Errors
    ///
    /// Returns the system's error if the stream cannot be set to non-blocking mode.
    pub fn new(stream: UnixStream, limit: Duration, wake: BorrowedFd<'w>) -> io::Result<Self> {
        Self::without_wake(stream, limit).map(|stream| Self {
            wake: Some(wake),
            ..stream
        })
    }

    /// Takes a connected stream that nothing but its deadline ends.
    pub(crate) fn without_wake(stream: UnixStream, limit: Duration) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            deadline: deadline(limit),
            limit,
            wake: None,
            stopped: false,
        })
    }

    /// Sets the deadline to `limit` from now on.
    pub fn restart(&mut self, limit: Duration) {
        (self.limit, self.deadline) = (limit, deadline(limit));
    }

    /// Returns `true` after a read or a write has failed because of `wake`. Then this process was told to stop, and the other side
    /// did nothing wrong.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Returns the stream, which waits without a limit from here on.
    pub(crate) fn into_waiting(self) -> io::Result<UnixStream> {
        self.stream.set_nonblocking(false)?;
        Ok(self.stream)
    }

    /// Takes what is in the stream, when nothing more can come into it: from here on the other side's writes fail.
    pub(crate) fn close_and_take(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Read)?;
        self.stream.read_to_end(bytes).map(drop)
    }

    fn wait(&mut self, wanted: PollFlags) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let late = || {
            let message = format!("the other side took longer than {} s", self.limit.as_secs_f64());
            Err(io::Error::new(ErrorKind::TimedOut, message))
        };
        // `poll` does not say so if there is something to read.
        if left.is_zero() {
            return late();
        }
        let left = Timespec::try_from(left).unwrap_or_default();
        let stream = PollFd::new(&self.stream, wanted);
        let wake = match &self.wake {
            Some(wake) => PollFd::new(wake, PollFlags::IN),
            None => PollFd::new(&self.stream, PollFlags::empty()),
        };
        let mut fds = [stream, wake];
        match poll(&mut fds, Some(&left)) {
            Ok(0) => late(),
            Ok(_) if self.wake.is_some() && fds.iter().skip(1).any(|fd| !fd.revents().is_empty()) => {
                self.stopped = true;
                Err(io::Error::other(STOPPED))
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

/// A limit that no clock can count is a year.
fn deadline(limit: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(limit.min(YEAR)).unwrap_or(now)
}

impl Read for TimedStream<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.repeat(PollFlags::IN, |stream| stream.read(bytes))
    }
}

impl Write for TimedStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.repeat(PollFlags::OUT, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ErrorType for TimedStream<'_> {
    type Error = io::Error;
}

impl embedded_io::Read for TimedStream<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Read::read(self, bytes)
    }
}

impl embedded_io::Write for TimedStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{self, sleep};

    use super::*;

    /// The limit is for all bytes together, in both directions.
    #[test]
    fn a_byte_now_and_then_does_not_keep_an_exchange_alive() {
        let limit = Duration::from_millis(300);
        let (here, mut there) = UnixStream::pair().unwrap();
        let trickle = thread::spawn(move || {
            while there.write_all(b" ").is_ok() && there.read(&mut [0]).is_ok() {
                sleep(limit / 10);
            }
        });
        let (wake, _stop) = io::pipe().unwrap();
        let mut stream = TimedStream::new(here, limit, std::os::fd::AsFd::as_fd(&wake)).unwrap();
        let start = Instant::now();
        let reads = loop {
            if let Err(error) = stream.read(&mut [0]) {
                break error;
            }
            assert!(start.elapsed() < 10 * limit, "it still reads");
            // Nearly full: there is always room for some bytes more.
            stream.write_all(b" ").unwrap();
        };
        assert_eq!(reads.kind(), ErrorKind::TimedOut);
        assert!((limit..10 * limit).contains(&start.elapsed()), "{:?}", start.elapsed());
        drop(stream);
        trickle.join().unwrap();
    }

    #[test]
    fn no_limit_is_too_long() {
        let (here, _there) = UnixStream::pair().unwrap();
        let (wake, stop) = io::pipe().unwrap();
        drop(stop);
        let mut stream = TimedStream::new(here, Duration::MAX, std::os::fd::AsFd::as_fd(&wake)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::Other);
    }

    #[test]
    fn a_peer_that_always_writes_does_not_move_the_deadline() {
        let limit = Duration::from_millis(100);
        let (here, mut there) = UnixStream::pair().unwrap();
        let writes = thread::spawn(move || while there.write_all(&[0; 4096]).is_ok() {});
        let (wake, _stop) = io::pipe().unwrap();
        let mut stream = TimedStream::new(here, limit, std::os::fd::AsFd::as_fd(&wake)).unwrap();
        let start = Instant::now();
        while Read::read(&mut stream, &mut [0; 4096]).is_ok() {
            assert!(start.elapsed() < 20 * limit, "it still reads");
            sleep(limit / 100);
        }
        drop(stream);
        writes.join().unwrap();
    }
}
