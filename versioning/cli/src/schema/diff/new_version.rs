//! What a new version of a mirror changes.

use super::super::change::Report;
use super::super::document::{Mirror, Ranges, StepKind};

/// Says what changes with a version that the old schema does not have.
pub(super) fn new_version(now: &Mirror, members: &Ranges, version: u16, report: &mut Report) {
    let parent = now.parent(version);
    let branch = match parent {
        Some(parent) if parent + 1 != version => format!(", parent version {parent}"),
        _ => String::new(),
    };
    let list = |word: &str, names: Vec<String>| match names.as_slice() {
        [] => String::new(),
        names => format!(", {word} {}", names.join(", ")),
    };
    let added = list("with", changed(now, members, version, StepKind::Start));
    let removed = list("without", changed(now, members, version, StepKind::End));
    let bounds = list("with another bound of", rebound(now, version, parent));
    report.allowed(format!(
        "{} version {version}: new{branch}{added}{removed}{bounds}",
        now.name
    ));
}

/// The names of what came or went with a version, each with the versions of other branches that have the same change.
fn changed(now: &Mirror, members: &Ranges, version: u16, kind: StepKind) -> Vec<String> {
    if now.branches.is_empty() {
        let is_at = |(start, end): &(u16, Option<u16>)| match kind {
            StepKind::Start => *start == version,
            _ => *end == Some(version),
        };
        let there = members.iter().filter(|(_, range)| is_at(range));
        return there.map(|(name, _)| format!("`{name}`")).collect();
    }
    let steps = now
        .changes
        .iter()
        .filter(|step| step.kind == kind && step.versions.contains(&version));
    let named = steps.map(|step| {
        let others: Vec<String> = step
            .versions
            .iter()
            .filter(|other| **other != version)
            .map(u16::to_string)
            .collect();
        match others.as_slice() {
            [] => format!("`{}`", step.name),
            others => format!("`{}` (also in version {})", step.name, others.join(", ")),
        }
    });
    named.collect()
}

/// The fields whose bound changed with a version.
fn rebound(now: &Mirror, version: u16, parent: Option<u16>) -> Vec<String> {
    let Some(parent) = parent else { return Vec::new() };
    let fields = now
        .all_fields()
        .filter(|(_, field)| field.is_in(version) && field.is_in(parent));
    let changed = fields.filter_map(|(name, field)| {
        let (before, after) = (field.bound_at(parent)?, field.bound_at(version)?);
        (before != after).then(|| format!("`{name}` ({after}, {before} before)"))
    });
    changed.collect()
}
