//! The table of counts that is kept in the tree, and what a check says of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::measure::Measured;

/// Growth that fails the check, in per cent, where it is also more than [`NOISE`].
const TOLERANCE: u64 = 5;

/// Instructions that a single access may be off.
const NOISE: u64 = 2;

/// The compiler and architecture that the counts of this program belong to.
pub fn compiler() -> String {
    format!("{} {}", env!("COMPILER"), std::env::consts::ARCH)
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("counts.tsv")
}

/// Writes the table anew.
pub fn accept(measured: &[Measured]) -> Result<()> {
    let mut text = format!(
        "# {}\n# Changed by `cargo xtask bench --accept`. Case, instructions, bytes, allocations.\n",
        compiler()
    );
    for one in measured {
        if let Some(instructions) = one.instructions {
            let bytes = one.bytes.map_or(String::new(), |bytes| bytes.to_string());
            writeln!(text, "{}\t{instructions}\t{bytes}\t{}", one.name(), one.allocations)?;
        }
    }
    fs::write(path(), text).context("the table of counts")
}

/// Compares with the table: what fails, and what is only said.
pub fn compare(measured: &[Measured]) -> Result<(Vec<String>, Vec<String>)> {
    let text = fs::read_to_string(path()).context("the table of counts; `--accept` makes it")?;
    let mut kept: BTreeMap<&str, u64> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let (Some(name), Some(count)) = (columns.next(), columns.next()) else {
            continue;
        };
        kept.insert(name, count.parse().with_context(|| format!("the count of {name}"))?);
    }
    let (mut failures, mut remarks) = (Vec::new(), Vec::new());
    for one in measured {
        let (name, Some(now)) = (one.name(), one.instructions) else {
            continue;
        };
        if one.is_ours() && one.allocations != 0 {
            failures.push(format!("{name} allocates {} times", one.allocations));
        }
        let said = match kept.remove(name.as_str()) {
            None => Some(format!("{name} takes {now} instructions and is not in the table")),
            Some(before) if now > before + (before * TOLERANCE / 100).max(NOISE) => {
                Some(format!("{name} grew from {before} to {now} instructions"))
            }
            Some(before) if now + (before * TOLERANCE / 100).max(NOISE) < before => {
                remarks.push(format!("{name} shrank from {before} to {now} instructions"));
                None
            }
            Some(_) => None,
        };
        // What others' crates do is theirs.
        if one.is_ours() {
            failures.extend(said)
        } else {
            remarks.extend(said)
        }
    }
    failures.extend(
        kept.keys()
            .map(|name| format!("{name} is in the table, but there is no such case")),
    );
    Ok((failures, remarks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Case;

    fn measured(instructions: u64) -> Measured {
        let mut one = Measured::from(Case::new("payload", "devstate", "save", || ()));
        one.instructions = Some(instructions);
        one
    }

    /// Every other case of the table is missing from what was measured, which fails too; here only the first counts.
    fn complaints(instructions: u64) -> usize {
        let (failures, _) = compare(&[measured(instructions)]).unwrap();
        failures
            .iter()
            .filter(|failure| failure.starts_with("payload/devstate/save "))
            .count()
    }

    #[test]
    fn a_count_fails_when_it_has_grown_by_more_than_a_twentieth() {
        let text = fs::read_to_string(path()).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("payload/devstate/save\t"))
            .unwrap();
        let kept: u64 = line.split('\t').nth(1).unwrap().parse().unwrap();
        assert_eq!(complaints(kept), 0);
        assert_eq!(complaints(kept + kept / 20), 0);
        assert_eq!(complaints(kept + kept / 20 + 1), 1);
        assert_eq!(complaints(kept / 2), 0);
    }
}
