//! `devstate schema show|diff|check`: shows a product's release table, and compares two versions of it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::json::print_json;
use crate::output::{BAD, GOOD, print};
use crate::report::file_name;
use crate::schema::{Change, Schema, Verdict, diff, read_schema, show};

/// Shows a product's releases and mirrors, and the changes between two schemas
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the releases and mirrors of a schema as a table
    Show {
        /// The schema
        file: PathBuf,
    },
    /// Prints everything that changed from OLD to NEW
    #[command(after_help = STATUSES)]
    Diff {
        /// The schema that was published. A release that it calls open may change
        old: PathBuf,
        /// The schema that is to be published
        new: PathBuf,
        /// Prints an array of JSON
        #[arg(long)]
        json: bool,
    },
    /// Checks that builds with NEW read all snapshots of builds with OLD, and that NEW does not contradict itself
    #[command(after_help = STATUSES)]
    Check {
        /// The schema that was published. A release that it calls open may change
        old: PathBuf,
        /// The schema that is to be published. Without it only the first one is checked
        new: Option<PathBuf>,
    },
}

const STATUSES: &str = "\
Example, for CI:
  my-vmm --print-schema > new.json && devstate schema check schemas/v3.json new.json

Exit status:
  0  compatible
  1  breaks: published snapshots cannot be read any more, or would be read as something else
  2  a schema cannot be read
  3  needs a bump: something changed, or is new, without a new version";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Show { file } => {
            print(&show(&read_schema(file)?))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Diff { old, new, json } => {
            let changes = diff(&read_schema(old)?, &read_schema(new)?);
            if *json {
                print_json(&to_json(&changes))?;
            } else {
                print(&to_text(&changes))?;
            }
            Ok(status(&changes))
        }
        Command::Check { old, new } => {
            let old_schema = read_schema(old)?;
            let (changes, right) = match new {
                None => {
                    let right = format!(
                        "{GOOD}right{GOOD:#}: all fingerprints of {} follow from its fields\n",
                        file_name(old)
                    );
                    (contradictions(&old_schema), right)
                }
                Some(new) => {
                    let new_schema = read_schema(new)?;
                    let mut changes = diff(&old_schema, &new_schema);
                    changes.retain(|change| change.verdict != Verdict::Allowed);
                    changes.extend(contradictions(&new_schema));
                    (changes, compatible(&old_schema, &file_name(old), &file_name(new)))
                }
            };
            print(&if changes.is_empty() { right } else { to_text(&changes) })?;
            Ok(status(&changes))
        }
    }
}

/// Says what is compatible. An open release of the old schema is not part of it.
fn compatible(schema: &Schema, old: &str, new: &str) -> String {
    let mut text = format!("{GOOD}compatible{GOOD:#}: {new} reads every release that {old} published");
    for release in schema.document().releases.iter().filter(|release| !release.published) {
        // Writing to a `String` does not fail.
        let _ = write!(text, "; release {} is open in {old} and may change", release.name);
    }
    text.push('\n');
    text
}

/// Fingerprints that do not follow from the fields: a file that was changed by hand, or by a faulty tool.
fn contradictions(schema: &Schema) -> Vec<Change> {
    let mut found = Vec::new();
    let mut compare = |what: String, said: &str, follows: u64| {
        let follows = format!("{follows:#018x}");
        if said != follows {
            let what = format!("{what}: the fingerprint {said} is in the file, and {follows} follows from the fields");
            found.push(Change {
                verdict: Verdict::Breaks,
                what,
            });
        }
    };
    let document = schema.document();
    for mirror in &document.mirrors {
        for (version, layout) in (1..).zip(&mirror.layouts) {
            let Some(layout) = layout else { continue };
            compare(
                format!("{} version {version}", mirror.name),
                layout,
                mirror.layout_fingerprint(version),
            );
        }
    }
    for (position, release) in document.releases.iter().enumerate() {
        let follows = schema.release_fingerprint(position);
        compare(format!("release {}", release.name), &release.fingerprint, follows);
    }
    found
}

fn to_text(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "nothing changed\n".to_owned();
    }
    let line = |change: &Change| {
        let style = if change.verdict == Verdict::Allowed { GOOD } else { BAD };
        format!("{style}{:<12}{style:#} {}\n", change.verdict, change.what)
    };
    changes.iter().map(line).collect()
}

fn to_json(changes: &[Change]) -> Value {
    let changes = changes.iter().map(|change| {
        let verdict = match change.verdict {
            Verdict::Breaks => "breaks",
            Verdict::NeedsBump => "needs_bump",
            Verdict::Allowed => "allowed",
        };
        json!({ "verdict": verdict, "what": change.what })
    });
    changes.collect()
}

fn status(changes: &[Change]) -> ExitCode {
    ExitCode::from(match changes.iter().map(|change| change.verdict).min() {
        Some(Verdict::Breaks) => 1,
        Some(Verdict::NeedsBump) => 3,
        Some(Verdict::Allowed) | None => 0,
    })
}
