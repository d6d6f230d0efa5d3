//! What a running VMM can be asked for: over its control socket, or with a key on its console.

use std::io::{ErrorKind, Read, Write, stdout};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf, absolute};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use devstate_socket::check_peer;
use serde::{Deserialize, Serialize};

/// What a running VMM is asked for, in this order; a line of JSON on the socket, which a line of JSON answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[group(conflicts_with = "start", requires = "control", multiple = true)]
#[serde(default, deny_unknown_fields)]
pub struct Requests {
    /// Make the guest stand still
    #[arg(long)]
    pub pause: bool,
    /// Press and release a key, or some together as `ctrl-c`; only one of both with `:down` or `:up`. May be repeated
    #[arg(long, value_name = "NAME")]
    pub key: Vec<String>,
    /// Type a text on the keyboard
    #[arg(long = "type", value_name = "TEXT")]
    pub text: Option<String>,
    /// Save the machine to a directory
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// Give the machine to the VMM that waits at a socket
    #[arg(long, value_name = "SOCKET")]
    pub migrate: Option<PathBuf>,
    #[command(flatten)]
    pub target: Target,
    /// Let the guest go on
    #[arg(long)]
    pub resume: bool,
    /// End the VMM
    #[arg(long)]
    pub quit: bool,
}

/// At which release state is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
pub struct Target {
    /// The release to write the devices' state at; without it the newest that will do
    #[arg(long)]
    pub release: Option<u16>,
    /// Write it even if that release cannot say everything
    #[arg(long)]
    pub lossy: bool,
}

impl Target {
    /// This release unless another was asked for.
    pub fn or(self, release: u16) -> Self {
        let release = self.release.or(Some(release));
        Self { release, ..self }
    }
}

/// What came of it, up to the first that failed: what to tell whoever asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub done: Vec<String>,
    pub failed: Option<String>,
}

impl Requests {
    /// Sends them to the VMM that listens at `path` and prints its answer.
    pub fn ask(mut self, path: &Path) -> Result<()> {
        // The VMM may have been started in another directory.
        for path in [&mut self.save, &mut self.migrate].into_iter().flatten() {
            *path = absolute(&*path)?;
        }
        let mut stream = UnixStream::connect(path).with_context(|| format!("no VMM listens at {}", path.display()))?;
        check_peer(&stream).with_context(|| format!("no request is sent to {}", path.display()))?;
        stream.write_all(&line(&self)?)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("the VMM hung up")?;
        let answer: Answer = serde_json::from_str(&answer).context("the VMM hung up")?;
        let printed = answer.done.iter().try_for_each(|text| writeln!(stdout(), "{text}"));
        if let Some(failed) = answer.failed {
            bail!(failed);
        }
        printed.context("all was done, but the answer cannot be printed")
    }
}

/// Serves a caller. The machine waits meanwhile, so whoever is slow, or talks too much, is not waited for.
pub fn serve(mut caller: UnixStream, carry_out: impl FnOnce(&Requests) -> Answer) -> Result<()> {
    caller.set_write_timeout(Some(PATIENCE))?;
    if let Err(error) = check_peer(&caller) {
        let failed = Some(error.to_string());
        // The first bytes on the stream: they fit.
        caller.write_all(&line(&Answer {
            failed,
            ..Answer::default()
        })?)?;
        return Err(error).context("a call is refused");
    }
    let asked = read_line(&mut caller)?;
    let answer = match serde_json::from_slice(&asked) {
        Ok(requests) => carry_out(&requests),
        Err(error) => Answer {
            failed: Some(format!("not a request: {error}")),
            ..Answer::default()
        },
    };
    Ok(caller.write_all(&line(&answer)?)?)
}

fn read_line(caller: &mut UnixStream) -> Result<Vec<u8>> {
    let deadline = Instant::now() + PATIENCE;
    let (mut line, mut part) = (Vec::new(), [0; 4096]);
    while !line.ends_with(b"\n") {
        let left = deadline.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), "the caller did not say in time what it wants");
        ensure!(
            line.len() <= MAX_LINE,
            "the caller wants more than {MAX_LINE} bytes can say"
        );
        caller.set_read_timeout(Some(left))?;
        let len = match caller.read(&mut part) {
            // As after SIGSTOP and SIGCONT.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        ensure!(len > 0, "the caller hung up");
        line.extend(part.iter().take(len));
    }
    Ok(line)
}

fn line(message: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

const PATIENCE: Duration = Duration::from_secs(1);
const MAX_LINE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_caller_is_heard_out_and_answered() -> Result<()> {
        let (mut there, here) = UnixStream::pair()?;
        there.write_all(b"{\"pause\":true,\"save\":\"/saved\"}\n")?;
        serve(here, |requests| {
            assert_eq!((requests.pause, requests.save.clone()), (true, Some("/saved".into())));
            Answer::default()
        })?;
        let mut answer = String::new();
        there.read_to_string(&mut answer)?;
        assert_eq!(answer, "{\"done\":[],\"failed\":null}\n");

        let (mut there, here) = UnixStream::pair()?;
        there.write_all(b"{\"paws\":true}\n")?;
        serve(here, |_| unreachable!("there is no such request"))?;
        answer.clear();
        there.read_to_string(&mut answer)?;
        assert!(answer.contains("unknown field `paws`"), "{answer}");
        Ok(())
    }

    #[test]
    fn nobody_holds_up_the_machine() -> Result<()> {
        let start = Instant::now();
        let why = |called| {
            serve(called, |_| unreachable!("nothing was asked"))
                .unwrap_err()
                .to_string()
        };

        // Says nothing; a byte now and then; much, without an end.
        let (_silent, called) = UnixStream::pair()?;
        why(called);
        let (mut slow, called) = UnixStream::pair()?;
        let slow = thread::spawn(move || {
            while slow.write_all(b" ").is_ok() {
                thread::sleep(PATIENCE / 10);
            }
        });
        why(called);
        let (mut endless, called) = UnixStream::pair()?;
        let endless = thread::spawn(move || while endless.write_all(&[b' '; 4096]).is_ok() {});
        assert!(why(called).contains("65536 bytes"));
        for caller in [slow, endless] {
            caller.join().unwrap();
        }
        assert!(start.elapsed() < 4 * PATIENCE);
        Ok(())
    }
}
