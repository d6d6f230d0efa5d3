//! The command line.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use devstate_replay::Release;

use crate::record;

/// Replays recorded guests on devices that are saved, dropped and restored from the bytes after every event.
///
/// Every recorded read must give the recorded value and every recorded interrupt level must match. Where the machine
/// that a trace was recorded on is known to differ from the manual, which our devices follow, that difference has a name
/// and is counted under it; anything else is a mismatch.
#[derive(Debug, Parser)]
#[command(name = "replay", version, max_term_width = 100, after_long_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Traces to replay, in the format of examples/replay/traces/README.md [default: the two that come with the program]
    #[arg(value_name = "TRACE")]
    pub(crate) traces: Vec<PathBuf>,

    /// Save and restore after every N events; 0 for never
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) every: usize,

    /// Write snapshots at release R, and show what that release cannot hold
    ///
    /// A device that an older release does not bring back as it was goes on from a snapshot of the latest release, so
    /// that the guest does not notice; see --lossy.
    #[arg(long, value_name = "R", default_value = LATEST, value_parser = release)]
    pub(crate) release: Release,

    /// Let the guest continue with what an older release loses
    #[arg(long)]
    pub(crate) lossy: bool,

    /// The event after which --out writes, or --from goes on; counted from the first through all traces
    #[arg(long, value_name = "N")]
    pub(crate) at: Option<usize>,

    /// Stop after event N and write one snapshot to FILE
    #[arg(long, value_name = "FILE", requires = "at", conflicts_with = "from")]
    pub(crate) out: Option<PathBuf>,

    /// Go on after event N from the snapshot in FILE: one of --out, or of `devstate qemu import`
    #[arg(long, value_name = "FILE", requires = "at")]
    pub(crate) from: Option<PathBuf>,

    /// Print the releases and mirrors of the machine as JSON, for the command `devstate`, and do nothing else
    #[arg(long, exclusive = true)]
    pub(crate) schema: bool,

    /// Print mismatches and the last lines only
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// The newest release, as it would be typed; a test holds that it is.
const LATEST: &str = "3";

const AFTER_HELP: &str = "\
For each trace a line says
    NAME: E events, R reads checked, M mismatches, D known differences, S snapshots, MIN..MAX bytes
where D counts the differences by name, not what they excused. The last line is the total.

Exit status: 0 without a mismatch, 1 with any, 2 for arguments, traces or snapshots that cannot be used.

Half of a guest here, half in another process:
    replay --at 24000 --out half.snapshot
    replay --at 24000 --from half.snapshot";

/// What `replay` can do beside replaying.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Record(record::Args),
}

impl Arguments {
    /// What clap cannot say. Exits where it is not so.
    pub(crate) fn checked(self) -> Self {
        if self.at.is_some() && self.out.is_none() && self.from.is_none() {
            let message = "--at needs --out FILE to write a snapshot there, or --from FILE to go on from one";
            Self::command()
                .error(ErrorKind::MissingRequiredArgument, message)
                .exit();
        }
        self
    }
}

fn release(text: &str) -> Result<Release, String> {
    let found = text.parse().ok().and_then(Release::from_number);
    found.ok_or_else(|| {
        let known: Vec<_> = Release::ALL
            .iter()
            .map(|release| release.number().to_string())
            .collect();
        format!("the releases are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_latest_release() {
        assert_eq!(release(LATEST), Ok(Release::LATEST));
        Arguments::command().debug_assert();
    }
}
