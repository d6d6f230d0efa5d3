//! What a running VMM can be asked for: over its control socket, or with a key on its console.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// One request; a line of JSON on the socket, which a line of JSON answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Make the guest stand still.
    Pause,
    /// Let it go on.
    Resume,
    /// Press or release keys: names, each with `:down`, `:up`, or neither for both.
    Keys(Vec<String>),
    /// Type a text on the keyboard.
    Type(String),
    /// Press Ctrl-Alt-Del.
    CtrlAltDel,
    /// Save the machine to a directory.
    Save(PathBuf, Target),
    /// Move the machine to the VMM that waits on a socket.
    Migrate(PathBuf, Target),
    /// End the VMM.
    Quit,
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
        Self {
            release: self.release.or(Some(release)),
            ..self
        }
    }
}

/// What came of a request: what to tell whoever asked.
pub type Answer = Result<String, String>;

/// Sends requests to the VMM that listens at `path` and prints its answers. The first that fails is the last.
pub fn ask(path: &Path, requests: &[Request]) -> Result<()> {
    let stream = UnixStream::connect(path).with_context(|| format!("no VMM listens at {}", path.display()))?;
    let mut answers = BufReader::new(&stream).lines();
    for request in requests {
        writeln!(&stream, "{}", serde_json::to_string(request)?)?;
        let answer = answers.next().context("the VMM hung up")??;
        match serde_json::from_str::<Answer>(&answer)? {
            Ok(text) if text.is_empty() => {}
            Ok(text) => println!("{text}"),
            Err(error) => bail!(error),
        }
    }
    Ok(())
}

/// The end of the socket that is asked.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    pub fn listen(path: &Path) -> Result<Self> {
        // What a VMM that was killed left behind would be in the way.
        if UnixStream::connect(path).is_err() {
            let _ = std::fs::remove_file(path);
        }
        let listener = UnixListener::bind(path).with_context(|| format!("cannot listen at {}", path.display()))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    pub fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// Serves whoever has called, to their last request. A caller who says nothing is not waited for.
    pub fn serve(&self, mut carry_out: impl FnMut(Request) -> Answer) -> Result<()> {
        let (stream, _) = self.listener.accept()?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        for line in BufReader::new(&stream).lines() {
            let Ok(line) = line else { break };
            let answer = match serde_json::from_str(&line) {
                Ok(request) => carry_out(request),
                Err(error) => Err(format!("not a request: {error}")),
            };
            let mut answer = serde_json::to_string(&answer)?;
            let _ = answer.write_char('\n');
            if (&stream).write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
        Ok(())
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // If it is gone already, all the better.
        let _ = std::fs::remove_file(&self.path);
    }
}
