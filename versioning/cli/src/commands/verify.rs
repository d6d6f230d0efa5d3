//! `devstate verify PATH…`: checks many snapshots, several at a time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use devstate_versioning::Header;
use indicatif::{ParallelProgressIterator, ProgressBar, ProgressStyle};
use rayon::iter::{IntoParallelRefIterator, ParallelExtend, ParallelIterator};
use serde_json::json;

use crate::failure::{Failure, printable};
use crate::json::print_json_line;
use crate::output::{BAD, print};
use crate::peek::{Unknown, peek};
use crate::report::Damage;
use crate::schema::Folder;
use crate::snapshot::{SchemaArgs, Snapshot, cannot_read, not_a_snapshot, open};

/// Checks snapshots: header, length and checksum, and with a schema also every value
///
/// A folder stands for all files below it. Symbolic links in it are not followed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Snapshots and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// Skips files in folders that do not start like a snapshot
    #[arg(long)]
    ignore_others: bool,
    /// Prints an object of JSON on one line for each bad file, and nothing else
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  devstate verify /var/lib/vms --ignore-others
  devstate verify /var/lib/vms --schema schemas --json | jq -r .file

Without a schema the values are not checked: only that no byte has changed since the snapshot was written.

A folder that cannot be read is listed as bad, and the others are checked.

Exit status: 0 if all are good, 1 if one is bad or cannot be read, 2 if there are no files.";

/// What is wrong with a file.
struct Bad {
    file: PathBuf,
    what: String,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let schemas = args.schemas.read()?;
    let (mut files, mut results) = (Vec::new(), Vec::new());
    for path in &args.paths {
        if path.is_dir() {
            files_below(path, &mut files, &mut results);
        } else {
            files.push((path.clone(), false));
        }
    }
    if files.is_empty() && results.is_empty() {
        let names: Vec<_> = args
            .paths
            .iter()
            .map(|path| printable(&path.to_string_lossy()))
            .collect();
        return Err(Failure::of(&names.join(", "), "no file is there", "check the name"));
    }
    // It is drawn on standard error, if that is a terminal.
    let bar = ProgressBar::new(files.len() as u64).with_style(style());
    results.par_extend(files.par_iter().progress_with(bar.clone()).map(|(file, is_found)| {
        match check(file, &schemas) {
            Ok(()) => Outcome::Good,
            Err(wrong) if wrong.is_other_file && *is_found && args.ignore_others => Outcome::LeftOut,
            Err(wrong) => Outcome::Bad(Bad {
                file: file.clone(),
                what: wrong.what,
            }),
        }
    }));
    bar.finish_and_clear();
    report(&results, args.json, !schemas.is_empty())
}

enum Outcome {
    Good,
    LeftOut,
    Bad(Bad),
}

fn report(results: &[Outcome], as_json: bool, with_schema: bool) -> Result<ExitCode, Failure> {
    let (mut good, mut left_out, mut bad) = (0, 0, 0);
    for result in results {
        match result {
            Outcome::Good => good += 1,
            Outcome::LeftOut => left_out += 1,
            Outcome::Bad(Bad { file, what }) => {
                bad += 1;
                let name = file.to_string_lossy();
                if as_json {
                    print_json_line(&json!({ "file": name, "error": what }))?;
                } else {
                    print(&format!("{BAD}bad{BAD:#}  {}: {what}\n", printable(&name)))?;
                }
            }
        }
    }
    if !as_json {
        let left_out = if left_out == 0 {
            String::new()
        } else {
            format!(", {left_out} left out")
        };
        let values = if with_schema {
            ""
        } else {
            " (values are checked with --schema only)"
        };
        print(&format!("{good} good, {bad} bad{left_out}{values}\n"))?;
    }
    Ok(ExitCode::from(u8::from(bad > 0)))
}

/// Why a file is bad.
struct Wrong {
    what: String,
    /// `true` if it does not even start as a snapshot.
    is_other_file: bool,
}

fn check(file: &Path, schemas: &Folder) -> Result<(), Wrong> {
    let name = printable(&file.to_string_lossy());
    let damaged = |what: String| Wrong {
        what,
        is_other_file: false,
    };
    let failed = |failure: Failure| damaged(failure.what);
    let (source, len) = open(file).map_err(failed)?;
    // First without memory: a header may announce 4 GiB. But a pipe can be read once only.
    if schemas.is_empty() || len.is_some() {
        let facts = peek(source, len).map_err(|unknown| match unknown {
            Unknown::Io(error) => failed(cannot_read(&name, &error)),
            Unknown::Header { error, start } => Wrong {
                what: not_a_snapshot(&name, &error, &start).what,
                is_other_file: !start.starts_with(&Header::MAGIC),
            },
        })?;
        facts.checksum.map_err(|error| damaged(error.to_string()))?;
    } else {
        drop(source);
    }
    if schemas.is_empty() {
        return Ok(());
    }
    let snapshot = Snapshot::read(file).map_err(failed)?;
    if let Some(damage) = Damage::of(&snapshot) {
        return Err(damaged(damage.to_string()));
    }
    let found = snapshot.identify(schemas).map_err(failed)?;
    Damage::check(&snapshot, found).map_err(|damage| damaged(damage.to_string()))
}

/// Adds all regular files below a folder, by name. A folder that cannot be read becomes a bad one.
fn files_below(folder: &Path, files: &mut Vec<(PathBuf, bool)>, bad: &mut Vec<Outcome>) {
    let mut open = vec![folder.to_owned()];
    let start = files.len();
    while let Some(folder) = open.pop() {
        if let Err(error) = entries(&folder, files, &mut open) {
            let what = cannot_read("", &error).what;
            bad.push(Outcome::Bad(Bad { file: folder, what }));
        }
    }
    files.get_mut(start..).unwrap_or_default().sort();
}

/// Adds the regular files and the folders that are directly in a folder.
fn entries(folder: &Path, files: &mut Vec<(PathBuf, bool)>, folders: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            folders.push(entry.path());
        } else if kind.is_file() {
            files.push((entry.path(), true));
        }
    }
    Ok(())
}

fn style() -> ProgressStyle {
    let bar = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} files, {eta} left");
    bar.unwrap_or_else(|_| ProgressStyle::default_bar())
}
