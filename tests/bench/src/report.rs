//! BENCHMARKS.md and its pictures.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::chart::{Bar, bars, thousands};
use crate::measure::Measured;
use crate::{cases, forwarding, goals, interrupts, measure, sizes, table};

/// Of which a time is the median.
pub const ROUNDS: usize = 41;

pub fn write() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // Before this changes files itself.
    let commit = commit(&root);
    let mut measured = measure::count(cases())?;
    table::accept(&measured)?;
    for (one, time) in measured.iter_mut().zip(measure::time(&mut cases(), ROUNDS)) {
        one.nanoseconds = Some(time);
    }
    fs::write(root.join("BENCHMARKS.md"), page(&measured, commit)?)?;
    picture("payload.svg", &payload_picture(&measured))?;
    picture("export.svg", &export_picture(&measured))
}

fn picture(name: &str, svg: &str) -> Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("pictures");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), svg).with_context(|| name.to_owned())
}

/// The last commit of the main branch below this one: a commit of a branch may be written anew before it gets there.
fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(root).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let base = git(&["merge-base", "HEAD", "main"]).unwrap_or_else(|| "HEAD".to_owned());
    git(&["rev-parse", "--short", &base]).unwrap_or_default()
}

/// Returns PAGE.md with what was measured in its places.
fn page(measured: &[Measured], commit: String) -> Result<String> {
    let mut parts = BTreeMap::from([
        (
            "machine",
            format!("{}, {}", forwarding::processor()?, std::env::consts::OS),
        ),
        ("compiler", table::compiler()),
        ("commit", commit),
        ("goals", goals_table(measured)),
        ("interrupts", interrupts_table()?),
        ("forwarding", forwarding_table()?),
        ("sizes", sizes_table()),
        ("around", sizes::AROUND.to_string()),
    ]);
    for group in measured.chunk_by(|one, next| one.group == next.group) {
        parts.insert(group[0].group, group_table(group));
    }
    // The report is at the root.
    fill(&include_str!("../PAGE.md").replace("](../../", "]("), parts)
}

/// Puts each part in the place that has its name.
///
/// # Errors
///
/// A place has no part, or a part no place.
fn fill(page: &str, mut parts: BTreeMap<&str, String>) -> Result<String> {
    let (mut filled, mut rest) = (String::new(), page);
    while let Some((before, place)) = rest.split_once("{{") {
        let (name, after) = place.split_once("}}").context("a place without an end")?;
        let part = parts.remove(name);
        filled += before;
        filled += part.with_context(|| format!("nothing is called {name}"))?.trim_end();
        rest = after;
    }
    ensure!(parts.is_empty(), "PAGE.md has no place for {:?}", parts.keys());
    Ok(filled + rest)
}

/// A table in Markdown, below that heading.
fn rows<const N: usize>(heading: &str, rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows = rows.into_iter().map(|cells| format!("| {} |\n", cells.join(" | ")));
    format!("{heading}\n{}", rows.collect::<String>())
}

/// The table of goals, as it is printed and as it stands in BENCHMARKS.md.
pub fn goals_table(measured: &[Measured]) -> String {
    let heading = "| | goal | limit | best peer | found | |\n|---|---|---|---|--:|---|";
    let row = |goal: goals::Goal| {
        let mark = if goal.reached { "reached" } else { "**missed**" };
        [
            goal.what,
            goal.wanted,
            goal.limit,
            goal.peer,
            goal.found,
            mark.to_owned(),
        ]
    };
    rows(heading, goals::goals(measured).into_iter().map(row))
}

fn group_table(group: &[Measured]) -> String {
    let extra = match group[0].content {
        Some(_) => "MB/s | instr. a byte",
        None => "bytes | allocations",
    };
    let heading = format!("| | | instructions | of devstate's | ns | {extra} |\n|---|---|--:|--:|--:|--:|--:|");
    // Cases of a column together, in the order in which the columns came.
    let place = |one: &Measured| group.iter().position(|first| first.column == one.column);
    let mut ordered: Vec<&Measured> = group.iter().collect();
    ordered.sort_by_key(|one| place(one));
    let columns = ordered.chunk_by(|one, next| one.column == next.column);
    rows(
        &heading,
        columns.flat_map(|column| column.iter().map(|one| row(one, column))),
    )
}

fn row(one: &Measured, column: &[&Measured]) -> [String; 7] {
    let ours = column.iter().find(|one| one.row.starts_with("devstate"));
    let ratio = match (one.instructions, ours.and_then(|ours| ours.instructions)) {
        (Some(count), Some(ours)) if column.len() > 1 && ours != 0 => format!("{:.2}", count as f64 / ours as f64),
        _ => String::new(),
    };
    let time = one.nanoseconds.unwrap_or(f64::NAN);
    let [first, second] = match one.content.map(|content| content as f64) {
        Some(content) => {
            let each = |count: u64| format!("{:.3}", count as f64 / content);
            let each = one.instructions.map_or_else(String::new, each);
            [thousands(content * 1e3 / time), each]
        }
        None => {
            let bytes = one.bytes.map_or_else(String::new, |bytes| bytes.to_string());
            [bytes, one.allocations.to_string()]
        }
    };
    [
        one.column.clone(),
        one.row.to_owned(),
        one.instructions
            .map_or_else(String::new, |count| thousands(count as f64)),
        ratio,
        if time < 100.0 {
            format!("{time:.1}")
        } else {
            thousands(time)
        },
        first,
        second,
    ]
}

fn interrupts_table() -> Result<String> {
    let heading = "| | devstate, host with a timer | devstate, host without | vm-superio |\n|---|--:|--:|--:|";
    let row = |calls: interrupts::Calls| {
        let theirs = calls.vm_superio.map(|calls| calls.to_string());
        [
            calls.driver.to_owned(),
            calls.with_timer.to_string(),
            calls.without_timer.to_string(),
            theirs.unwrap_or_else(|| "the driver stops".to_owned()),
        ]
    };
    Ok(rows(heading, interrupts::measure()?.map(row)))
}

fn forwarding_table() -> Result<String> {
    let heading =
        "| items | bytes | | server, µs | client, µs | both, µs | copies of each byte |\n|--:|--:|---|--:|--:|--:|---|";
    let micros = |nanoseconds: u64| thousands(nanoseconds as f64 / 1e3);
    let row = |cost: forwarding::Cost| {
        [
            thousands(cost.items as f64),
            thousands(cost.bytes as f64),
            cost.design.to_owned(),
            micros(cost.server),
            micros(cost.client),
            micros(cost.server + cost.client),
            cost.copies.to_owned(),
        ]
    };
    Ok(rows(heading, forwarding::measure()?.into_iter().map(row)))
}

fn sizes_table() -> String {
    let heading = "| bytes | state in memory | mirror in memory | payload at most |\n|---|--:|--:|--:|";
    let row = |size: sizes::Size| {
        let [state, mirror, most] = [size.state, size.mirror, size.most].map(|bytes| bytes.to_string());
        [size.device.to_owned(), state, mirror, most]
    };
    rows(heading, sizes::sizes().map(row))
}

fn payload_picture(measured: &[Measured]) -> String {
    let saves = bars_of(measured, "payload", "save", |one| Some(one.instructions? as f64));
    let title = "Instructions to save three devices' state (logarithmic)";
    bars(title, "", true, &saves)
}

fn export_picture(measured: &[Measured]) -> String {
    let rate = |one: &Measured| Some(one.content? as f64 * 1e3 / one.nanoseconds?);
    let rates = bars_of(measured, "key-value export", "1000 items", rate);
    bars("Export of 1,000 items", "MB/s", false, &rates)
}

/// A bar for each row of a column.
fn bars_of(measured: &[Measured], group: &str, column: &str, value: fn(&Measured) -> Option<f64>) -> Vec<Bar> {
    let rows = measured.iter().filter(|one| one.group == group && one.column == column);
    let bar = |one: &Measured| {
        Some(Bar {
            label: one.row.to_owned(),
            value: value(one)?,
            ours: one.is_ours(),
        })
    };
    rows.filter_map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the places in the page.
    fn places() -> Vec<&'static str> {
        let parts = include_str!("../PAGE.md").split("{{").skip(1);
        parts.filter_map(|part| Some(part.split_once("}}")?.0)).collect()
    }

    #[test]
    fn every_table_has_a_place_in_the_page() {
        let (cases, places) = (cases(), places());
        let missing: Vec<_> = cases.iter().filter(|case| !places.contains(&case.group)).collect();
        assert!(missing.is_empty(), "{}", missing[0].group);
    }

    #[test]
    fn a_place_without_a_part_and_a_part_without_a_place_are_errors() {
        let part = |name| BTreeMap::from([(name, "text\n".to_owned())]);
        assert_eq!(fill("a {{b}}\n\nc", part("b")).unwrap(), "a text\n\nc");
        assert!(fill("a {{b}}", BTreeMap::new()).is_err());
        assert!(fill("a", part("b")).is_err());
    }
}
