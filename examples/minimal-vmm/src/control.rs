//! What a running VMM can be asked for: over its control socket, or with a key on its console.

use std::io::{Write, stdout};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, Result, anyhow, bail};
use devstate_socket::request::{self, Limits, RequestError};
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
        let answer: Answer = request::ask(path, &self).map_err(|error| match error {
            RequestError::HungUp(error) => anyhow!("the VMM hung up: {error}"),
            RequestError::Peer(_) => anyhow!("no request is sent to {}: {error}", path.display()),
            error => error.into(),
        })?;
        let printed = answer.done.iter().try_for_each(|text| writeln!(stdout(), "{text}"));
        if let Some(failed) = answer.failed {
            bail!(failed);
        }
        printed.context("all was done, but the answer cannot be printed")
    }
}

/// Serves a caller. The machine waits meanwhile, so whoever is slow, or talks too much, is not waited for.
pub fn serve(caller: UnixStream, carry_out: impl FnOnce(&Requests) -> Answer) -> Result<()> {
    let served = request::serve(caller, Limits::default(), |requests| match requests {
        Ok(requests) => carry_out(&requests),
        Err(error) => Answer {
            failed: Some(error.to_string()),
            ..Answer::default()
        },
    });
    served.context("a call was not served")
}
