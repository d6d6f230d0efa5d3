//! `devstate peek FILE…`: what snapshots say about themselves, without a schema.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use devstate_versioning::{Architecture, Header, LoadErrorKind};
use serde_json::json;

use crate::failure::{Failure, printable};
use crate::foreign;
use crate::output::print;
use crate::peek::{Facts, Unknown, peek};

/// Prints what a snapshot says about itself: architecture, release, length, fingerprint, and if its checksum is right
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
    let mut all_whole = true;
    let mut failures = Vec::new();
    for (position, path) in args.files.iter().enumerate() {
        match look(path) {
            Ok(facts) => {
                all_whole &= facts.checksum.is_ok();
                let gap = if position == 0 { "" } else { "\n" };
                print(&if args.json {
                    format!("{}\n", as_json(path, &facts))
                } else {
                    format!("{gap}{}", as_text(path, &facts))
                })?;
            }
            Err(failure) if args.json => {
                let Failure { what, next } = &failure;
                let object = json!({ "file": path.to_string_lossy(), "ok": false, "error": what, "help": next });
                print(&format!("{object}\n"))?;
                failures.push(failure);
            }
            Err(failure) => {
                failure.print();
                failures.push(failure);
            }
        }
    }
    Ok(ExitCode::from(match (failures.is_empty(), all_whole) {
        (false, _) => 2,
        (true, false) => 1,
        (true, true) => 0,
    }))
}

fn look(path: &Path) -> Result<Facts, Failure> {
    let name = printable(&path.to_string_lossy());
    let cannot_read = |error: io::Error| {
        Failure::new(
            format!("{name}: cannot read it: {error}"),
            "check the name and your rights",
        )
    };
    let (source, len): (Box<dyn Read>, _) = if path == Path::new("-") {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(path).map_err(cannot_read)?;
        let metadata = file.metadata().map_err(cannot_read)?;
        (Box::new(file), metadata.is_file().then_some(metadata.len()))
    };
    peek(source, len).map_err(|unknown| match unknown {
        Unknown::Io(error) => cannot_read(error),
        Unknown::Header { error, start } => not_readable(&name, error.kind, &start),
    })
}

fn not_readable(name: &str, kind: LoadErrorKind, start: &[u8]) -> Failure {
    if let LoadErrorKind::Format { found, known } = kind {
        return Failure::new(
            format!("{name}: a snapshot of format {found}, and this devstate knows format {known}"),
            "install a newer devstate: cargo install devstate-cli",
        );
    }
    if let Some(foreign) = foreign::name_of(start) {
        return Failure::new(
            format!("{name}: not a snapshot of devstate: {foreign}"),
            "give a file that starts with DEVSTAT",
        );
    }
    Failure::new(
        format!("{name}: {kind}"),
        "give a file that starts with DEVSTAT; if the product stores more around its snapshots, cut that off first",
    )
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
         read by       builds whose release table has release {release}, with this fingerprint\n",
        printable(&path.to_string_lossy()),
        architecture(header.architecture_code),
        Header::FORMAT,
    )
}

fn architecture(code: u8) -> String {
    match Architecture::from_code(code) {
        Some(known) => known.to_string(),
        None => format!("unknown, code {code}"),
    }
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
