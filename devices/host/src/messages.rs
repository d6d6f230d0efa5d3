//! Messages to people, on standard error.

use std::fmt::Display;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::stderr;
use rustix::termios::{OutputModes, tcgetattr};

use crate::console::{is_terminal_that_waits, reopened};

/// A pipe with room takes so much at once.
const AT_ONCE: usize = 4096;
const NEVER: Duration = Duration::ZERO;
/// The last message of a process may wait: there is no guest any more.
const AT_THE_END: Duration = Duration::from_secs(1);

/// Prints messages to standard error, one line each, with the program name in front.
///
/// Only [`say_at_the_end`](Self::say_at_the_end) waits for a slow reader. A message that cannot be printed is counted as lost,
/// and the next one says how many were lost.
///
/// ```
/// use devstate_host::Messages;
///
/// static MESSAGES: Messages = Messages::new("my-vmm");
/// MESSAGES.say(format_args!("listening at {}", "vm.sock"));
/// ```
#[derive(Debug)]
pub struct Messages {
    program: &'static str,
    /// Messages that were not printed since the last one that was.
    lost: AtomicU64,
}

impl Messages {
    /// Creates the printer of a program's messages. `program` is the name in front of each line.
    #[must_use]
    pub const fn new(program: &'static str) -> Self {
        Self {
            program,
            lost: AtomicU64::new(0),
        }
    }

    /// Prints a line if standard error accepts it now. Otherwise counts it as lost.
    pub fn say(&self, text: impl Display) {
        self.say_now(&text, NEVER);
    }

    /// Prints the last line of the process. Waits up to one second in all for a slow reader.
    pub fn say_at_the_end(&self, text: impl Display) {
        self.say_now(&text, AT_THE_END);
    }

    /// Rings the terminal's bell.
    pub fn beep(&self) {
        let _ = print(&stderr(), b"\x07", NEVER);
    }

    fn say_now(&self, text: &dyn Display, patience: Duration) {
        match reopened(stderr()) {
            Some(terminal) => self.say_to(&terminal, text, patience),
            None => self.say_to(&stderr(), text, patience),
        }
    }

    fn say_to(&self, out: &impl AsFd, text: &dyn Display, patience: Duration) {
        // In raw mode a line does not begin by itself where it should.
        let raw = tcgetattr(out).is_ok_and(|terminal| !terminal.output_modes.contains(OutputModes::OPOST));
        let (before, after) = if raw { ("\r\n", "\r\n") } else { ("", "\n") };
        let (program, missing) = (self.program, self.lost.swap(0, Ordering::Relaxed));
        let note = match missing {
            0 => String::new(),
            _ => format!("{before}{program}: {missing} messages could not be printed{after}"),
        };
        let line = format!("{note}{before}{program}: {text}{after}");
        if print(out, line.as_bytes(), patience).is_err() {
            self.lost.fetch_add(missing + 1, Ordering::Relaxed);
        }
    }
}

fn print(out: &impl AsFd, bytes: &[u8], patience: Duration) -> Result<(), Errno> {
    let end = Instant::now() + patience;
    // It says only that it has room for something.
    let at_once = if is_terminal_that_waits(out) { 1 } else { AT_ONCE };
    for mut part in bytes.chunks(at_once) {
        while !part.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(out, PollFlags::OUT)];
            match poll(&mut fds, Some(&Timespec::try_from(left).unwrap_or_default())) {
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

    use super::*;

    #[test]
    fn a_message_that_nobody_takes_is_counted_and_not_waited_for() -> std::io::Result<()> {
        let messages = Messages::new("minimal-vmm");
        let (mut reader, writer) = pipe()?;
        // Nobody reads: the pipe fills up.
        let start = Instant::now();
        while messages.lost.load(Ordering::Relaxed) < 2 {
            messages.say_to(&writer, &"x".repeat(10_000), NEVER);
            assert!(start.elapsed().as_secs() < 5);
        }
        let mut read = vec![0; 1 << 20];
        let _ = reader.read(&mut read)?;
        messages.say_to(&writer, &"heard", NEVER);
        let len = reader.read(&mut read)?;
        assert_eq!(
            String::from_utf8_lossy(&read[..len]),
            "minimal-vmm: 2 messages could not be printed\nminimal-vmm: heard\n"
        );
        assert_eq!(messages.lost.load(Ordering::Relaxed), 0);

        drop(reader);
        messages.say_to(&writer, &"nobody is there", NEVER);
        messages.say_to(&File::options().write(true).open("/dev/full")?, &"full", NEVER);
        assert_eq!(messages.lost.load(Ordering::Relaxed), 2);
        Ok(())
    }

    #[test]
    fn the_last_message_waits_one_second_in_all() -> std::io::Result<()> {
        let messages = Messages::new("vmm");
        let (mut reader, writer) = pipe()?;
        // Each piece fits before a second is over.
        std::thread::spawn(move || {
            while reader.read(&mut [0; AT_ONCE]).is_ok_and(|len| len > 0) {
                std::thread::sleep(AT_THE_END / 4);
            }
        });
        let start = Instant::now();
        messages.say_to(&writer, &"x".repeat(160 << 10), AT_THE_END);
        assert!(
            (AT_THE_END..3 * AT_THE_END).contains(&start.elapsed()),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(messages.lost.load(Ordering::Relaxed), 1);
        Ok(())
    }

    /// As after `su`: the terminal is another user's, so it cannot be opened again.
    #[test]
    fn a_terminal_that_takes_nothing_and_cannot_be_reopened_is_not_waited_for() -> std::io::Result<()> {
        let (keyboard, screen) = crate::console::tests::terminal()?;
        let (said, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let messages = Messages::new("vmm");
            while messages.lost.load(Ordering::Relaxed) < 2 {
                messages.say_to(&screen, &"x".repeat(300), NEVER);
            }
            said.send(())
        });
        // Nobody reads what is on the screen.
        let done = heard.recv_timeout(Duration::from_secs(5));
        drop(keyboard);
        assert_eq!(done, Ok(()), "it waits");
        Ok(())
    }

    #[test]
    fn threads_count_lost_messages_once() {
        struct Slow;
        impl std::fmt::Display for Slow {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::thread::sleep(std::time::Duration::from_millis(50));
                f.write_str("slow")
            }
        }
        let null = File::options().write(true).open("/dev/null").unwrap();
        let messages = Messages::new("vmm");
        messages.lost.store(2, Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| messages.say_to(&null, &Slow, NEVER));
            }
        });
        assert_eq!(messages.lost.load(Ordering::Relaxed), 0);
    }
}
