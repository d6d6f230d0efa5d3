//! `devstate peek FILE…`: the facts about snapshots that need no schema.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use devstate_versioning::{Architecture, Header};
use serde_json::json;

use crate::failure::{Failure, printable};
use crate::json::print_json_line;
use crate::output::print;
use crate::peek::{Facts, Unknown, architecture, peek};
use crate::snapshot::{cannot_read, not_a_snapshot, open};

/// Prints the architecture, release, length and fingerprint of a snapshot, and checks its checksum
///
/// It needs no schema, and works for snapshots of any product and of any release.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Snapshots; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints an object of JSON on one line for each file
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  devstate peek lamp.snapshot
  devstate peek --json /var/lib/vms/*/snapshot | jq 'select(.ok | not) | .file'

Exit status: 0 if every snapshot is whole, 1 if one is damaged, 2 if one cannot be read.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (mut all_whole, mut all_read) = (true, true);
    for (position, path) in args.files.iter().enumerate() {
        match look(path) {
            Ok(facts) => {
                all_whole &= facts.checksum.is_ok();
                let gap = if position == 0 { "" } else { "\n" };
                if args.json {
                    print_json_line(&as_json(path, &facts))?;
                } else {
                    print(&format!("{gap}{}", as_text(path, &facts)))?;
                }
            }
            Err(failure) if args.json => {
                let Failure { what, next, .. } = &failure;
                let object = json!({ "file": path.to_string_lossy(), "ok": false, "error": what, "help": next });
                print_json_line(&object)?;
                all_read = false;
            }
            Err(failure) => {
                failure.print();
                all_read = false;
            }
        }
    }
    Ok(ExitCode::from(match (all_read, all_whole) {
        (false, _) => 2,
        (true, false) => 1,
        (true, true) => 0,
    }))
}

fn look(path: &Path) -> Result<Facts, Failure> {
    let name = printable(&path.to_string_lossy());
    let (source, len) = open(path)?;
    peek(source, len).map_err(|unknown| match unknown {
        Unknown::Io(error) => cannot_read(&name, &error),
        Unknown::Header { error, start } => not_a_snapshot(&name, &error, &start),
    })
}

fn as_text(path: &Path, facts: &Facts) -> String {
    let Facts { header, checksum } = facts;
    let Header {
        release,
        payload_len,
        fingerprint,
        ..
    } = header;
    let checksum = match checksum {
        Ok(sum) => format!("{sum:#018x}, right"),
        Err(error) => format!("WRONG: {error}"),
    };
    format!(
        "{}\n  architecture  {}\n  format        {}\n  release       {release}\n  payload       {payload_len} bytes\n  \
         fingerprint   {fingerprint:#018x}\n  checksum      {checksum}\n  \
         read by       builds whose root mirror has this fingerprint at release {release}\n",
        printable(&path.to_string_lossy()),
        architecture(header.architecture_code),
        Header::FORMAT,
    )
}

fn as_json(path: &Path, facts: &Facts) -> serde_json::Value {
    let Facts { header, checksum } = facts;
    json!({
        "file": path.to_string_lossy(),
        "ok": checksum.is_ok(),
        "architecture": Architecture::from_code(header.architecture_code).map(|known| known.to_string()),
        "architecture_code": header.architecture_code,
        "format": Header::FORMAT,
        "release": header.release,
        "payload_len": header.payload_len,
        "fingerprint": format!("{:#018x}", header.fingerprint),
        "error": checksum.err().map(|error| error.to_string()),
    })
}
