//! `devstate diff A B`: the differences between two snapshots, field by field.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use crate::failure::{Failure, complain};
use crate::json::print_json;
use crate::output::{BAD, DIM, GOOD, print};
use crate::payload::{Path, Value};
use crate::peek::architecture;
use crate::report::{Report, Shown, value_to_json};
use crate::snapshot::{SchemaArgs, Snapshot};

/// Prints the differences between two snapshots, field by field
///
/// The snapshots may be of different releases, and even of different products. Fields are matched by their paths.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The first snapshot; `-` is standard input
    #[arg(value_name = "A")]
    old: PathBuf,
    /// The second snapshot
    #[arg(value_name = "B")]
    new: PathBuf,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// Prints one object of JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  devstate diff before.snapshot after.snapshot --schema schemas
  devstate diff before.snapshot after.snapshot --json | jq -r '.differences[].path'

Exit status: 0 if nothing differs, 1 if something does or a snapshot is damaged, 2 if one cannot be read.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let schemas = args.schemas.read()?;
    let (old, new) = (Snapshot::read(&args.old)?, Snapshot::read(&args.new)?);
    let old = Report::new(&old, old.identify(&schemas)?);
    let new = Report::new(&new, new.identify(&schemas)?);
    let facts = facts(&old, &new);
    let differences = differences(&old.fields, &new.fields);
    if args.json {
        let damage = [&old, &new].map(|report| json!({ "file": report.file(), "damage": report.damage }));
        print_json(&json!({
            "old": old.file(),
            "new": new.file(),
            "header": facts.iter().map(|(name, old, new)| json!({ "name": name, "old": old, "new": new })).collect::<Vec<_>>(),
            "differences": differences.iter().map(Difference::to_json).collect::<Vec<_>>(),
            "damaged": damage,
        }))?;
    } else {
        print(&text(&facts, &differences))?;
    }
    let mut is_whole = true;
    for report in [&old, &new] {
        for damage in &report.damage {
            is_whole = false;
            complain(&format!("{} is damaged: {damage}\n", report.snapshot.name()));
        }
    }
    let is_same = differences.is_empty() && facts.is_empty() && is_whole;
    Ok(ExitCode::from(u8::from(!is_same)))
}

/// What differs in the headers: a name, and both sides.
fn facts(old: &Report<'_>, new: &Report<'_>) -> Vec<(&'static str, String, String)> {
    let of = |report: &Report<'_>| {
        let header = &report.snapshot.header;
        [
            ("architecture", architecture(header.architecture_code)),
            ("release", format!("{}, {}", header.release, report.release_name())),
            (
                "root",
                format!("{} version {}", report.found.root.name, report.root_version()),
            ),
        ]
    };
    let both = of(old).into_iter().zip(of(new));
    let different = both.filter(|((_, old), (_, new))| old != new);
    different.map(|((name, old), (_, new))| (name, old, new)).collect()
}

/// A field that differs.
struct Difference<'r> {
    path: &'r Path<'r>,
    old: Option<&'r Shown<'r>>,
    new: Option<&'r Shown<'r>>,
}

/// Compares fields by path, in the order of the first snapshot. Then come those that only the second one has.
fn differences<'r>(old: &'r [Shown<'r>], new: &'r [Shown<'r>]) -> Vec<Difference<'r>> {
    let (old, new) = (keyed(old), keyed(new));
    let new_values: HashMap<_, _> = new.iter().copied().collect();
    let mut found = Vec::new();
    for (key, shown) in &old {
        let other = new_values.get(key).copied();
        if other.is_none_or(|other| !is_alike(other.value, shown.value)) {
            let (path, old) = (&shown.path, Some(*shown));
            found.push(Difference { path, old, new: other });
        }
    }
    let old_keys: HashSet<_> = old.iter().map(|(key, _)| *key).collect();
    for (_, shown) in new.iter().filter(|(key, _)| !old_keys.contains(key)) {
        let (path, new) = (&shown.path, Some(*shown));
        found.push(Difference { path, old: None, new });
    }
    found
}

/// Says if two values are alike. Of the header of a snapshot within another one, what follows from its values is not compared.
fn is_alike(one: Value<'_, '_>, other: Value<'_, '_>) -> bool {
    match (one, other) {
        (Value::Snapshot(one), Value::Snapshot(other)) => one.is_alike(&other),
        (one, other) => one == other,
    }
}

/// An option and its value have the same path, and so have a snapshot within another one and what is damaged in it. An option
/// in an option has the path twice, so the last number counts.
type Key<'r> = (&'r Path<'r>, u8, usize);

/// Returns the values that are compared: a checksum follows from them.
fn keyed<'r>(fields: &'r [Shown<'r>]) -> Vec<(Key<'r>, &'r Shown<'r>)> {
    let kind = |field: &Shown<'_>| match field.value {
        Value::Present | Value::Absent => 1,
        Value::Unread(_) => 2,
        _ => 0,
    };
    let compared = fields.iter().filter(|field| !matches!(field.value, Value::Checksum(_)));
    let keyed = compared.scan(None, |last: &mut Option<Key<'r>>, field| {
        let (path, kind) = (&field.path, kind(field));
        let before = last.filter(|last| (last.0, last.1) == (path, kind));
        let key = (path, kind, before.map_or(0, |before| before.2 + 1));
        *last = Some(key);
        Some((key, field))
    });
    keyed.collect()
}

impl Difference<'_> {
    fn to_json(&self) -> Json {
        let side = |shown: Option<&Shown<'_>>| {
            shown.map(|shown| json!({ "value": value_to_json(shown.value), "type": shown.ty.to_string(), "offset": shown.offset }))
        };
        json!({ "path": self.path.to_string(), "old": side(self.old), "new": side(self.new) })
    }
}

fn text(facts: &[(&str, String, String)], differences: &[Difference<'_>]) -> String {
    let mut text = String::new();
    for (name, old, new) in facts {
        // Writing to a `String` does not fail.
        let _ = writeln!(
            text,
            "{DIM}{name}{DIM:#}\n  {BAD}- {old}{BAD:#}\n  {GOOD}+ {new}{GOOD:#}"
        );
    }
    for Difference { path, old, new } in differences {
        let _ = writeln!(text, "{path}");
        if let Some(old) = old {
            let _ = writeln!(text, "  {BAD}- {}{BAD:#}", old.text());
        }
        if let Some(new) = new {
            let _ = writeln!(text, "  {GOOD}+ {}{GOOD:#}", new.text());
        }
    }
    if text.is_empty() {
        text.push_str("nothing differs\n");
    }
    text
}
