//! A serial line to read and type on, with a time limit for everything that is waited for.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// One end of a serial line, seen as lines of text.
#[derive(Debug)]
pub(crate) struct Console {
    name: &'static str,
    stream: UnixStream,
    lines: Receiver<String>,
    /// All lines so far.
    transcript: Vec<String>,
}

impl Console {
    /// Takes the call that QEMU makes.
    pub(crate) fn accept(name: &'static str, listener: &UnixListener) -> Result<Self> {
        let (stream, _) = listener.accept().context("QEMU did not connect its serial line")?;
        let reader = stream.try_clone()?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in lines_of(reader) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            name,
            stream,
            lines,
            transcript: Vec::new(),
        })
    }

    pub(crate) fn listen(path: &Path) -> Result<UnixListener> {
        let _ = std::fs::remove_file(path);
        UnixListener::bind(path).with_context(|| format!("cannot listen at {}", path.display()))
    }

    pub(crate) fn type_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream
            .write_all(bytes)
            .with_context(|| format!("cannot type on the {}'s console", self.name))
    }

    /// The next line, if one comes in time.
    pub(crate) fn next_line(&mut self, limit: Duration) -> Result<Option<String>> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => {
                self.transcript.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the {}'s console was hung up", self.name),
        }
    }

    /// Reads up to the first line that `wanted` gives something for, telling `every` of each.
    pub(crate) fn wait_for<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut every: impl FnMut(&str) -> Result<()>,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Some(line) = self.next_line(left)? else {
                bail!("waited {} s for {what} from the {}", limit.as_secs(), self.name);
            };
            every(&line)?;
            if let Some(found) = wanted(&line) {
                return Ok(found);
            }
        }
    }

    /// All lines so far, also those that nobody waited for.
    pub(crate) fn transcript(&mut self) -> &[String] {
        self.transcript.extend(self.lines.try_iter());
        &self.transcript
    }
}

fn lines_of(mut stream: UnixStream) -> impl Iterator<Item = String> {
    let mut pending = Vec::new();
    std::iter::from_fn(move || {
        loop {
            if let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            let mut bytes = [0; 4096];
            match stream.read(&mut bytes) {
                Ok(len) if len > 0 => pending.extend(bytes.iter().take(len)),
                _ => return None,
            }
        }
    })
}
