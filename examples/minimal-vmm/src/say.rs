//! What people are told, on standard error.
//!
//! A message is worth less than the guest: printing never panics and never waits for a reader. What cannot be printed is
//! counted, and the next message says how many were lost.

use std::fmt::Display;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::stderr;
use rustix::termios::isatty;

/// Messages that were not printed since the last one that was.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Whether the terminal is in raw mode: then a line does not begin by itself where it should.
static RAW: AtomicBool = AtomicBool::new(false);

/// A pipe with room takes so much at once.
const AT_ONCE: usize = 4096;
const NEVER: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// The last message of a process may wait: there is no guest any more.
const AT_THE_END: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Prints a line, if standard error takes it now.
pub fn say(text: impl Display) {
    say_to(&stderr(), &text, &NEVER, &LOST);
}

/// Prints the last line of the process, and waits a moment for a slow reader.
pub fn say_at_the_end(text: impl Display) {
    say_to(&stderr(), &text, &AT_THE_END, &LOST);
}

/// Says whether the terminal is in raw mode.
pub fn terminal_is_raw(raw: bool) {
    RAW.store(raw, Ordering::Relaxed);
}

/// Rings the terminal's bell.
pub fn beep() {
    let _ = print(&stderr(), b"\x07", &NEVER);
}

fn say_to(out: &impl AsFd, text: &dyn Display, patience: &Timespec, lost: &AtomicU64) {
    let raw = RAW.load(Ordering::Relaxed) && isatty(out);
    let (before, after) = if raw { ("\r\n", "\r\n") } else { ("", "\n") };
    let missing = lost.load(Ordering::Relaxed);
    let note = match missing {
        0 => String::new(),
        _ => format!("{before}minimal-vmm: {missing} messages could not be printed{after}"),
    };
    let line = format!("{note}{before}minimal-vmm: {text}{after}");
    if print(out, line.as_bytes(), patience).is_ok() {
        lost.fetch_sub(missing, Ordering::Relaxed);
    } else {
        lost.fetch_add(1, Ordering::Relaxed);
    }
}

fn print(out: &impl AsFd, bytes: &[u8], patience: &Timespec) -> Result<(), Errno> {
    for mut part in bytes.chunks(AT_ONCE) {
        while !part.is_empty() {
            let mut fds = [PollFd::new(out, PollFlags::OUT)];
            match poll(&mut fds, Some(patience)) {
                Ok(0) => return Err(Errno::AGAIN),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            match rustix::io::write(out, part) {
                Ok(len) => part = part.get(len..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, pipe};
    use std::time::Instant;

    use anyhow::Result;

    use super::*;

    #[test]
    fn a_message_that_nobody_takes_is_counted_and_not_waited_for() -> Result<()> {
        let lost = AtomicU64::new(0);
        let (mut reader, writer) = pipe()?;
        // Nobody reads: the pipe fills up.
        let start = Instant::now();
        while lost.load(Ordering::Relaxed) < 2 {
            say_to(&writer, &"x".repeat(10_000), &NEVER, &lost);
        }
        assert!(start.elapsed().as_secs() < 5);
        let mut read = vec![0; 1 << 20];
        let _ = reader.read(&mut read)?;
        say_to(&writer, &"heard", &NEVER, &lost);
        let len = reader.read(&mut read)?;
        assert_eq!(
            String::from_utf8_lossy(&read[..len]),
            "minimal-vmm: 2 messages could not be printed\nminimal-vmm: heard\n"
        );
        assert_eq!(lost.load(Ordering::Relaxed), 0);

        drop(reader);
        say_to(&writer, &"nobody is there", &NEVER, &lost);
        say_to(&File::options().write(true).open("/dev/full")?, &"full", &NEVER, &lost);
        assert_eq!(lost.load(Ordering::Relaxed), 2);
        Ok(())
    }
}
