//! Compares two schemas of a product: the changes, whether they are allowed, and what is missing.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::document::{Field, Member, Mirror, Ranges, Release, StepKind, Type};
use super::load::Schema;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The effect on published snapshots.
    pub verdict: Verdict,
    /// What changed, and what to do about it: one clause without a full stop.
    pub what: String,
}

/// The effect of a change on published snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Written snapshots can no longer be read, or are read as something else.
    Breaks,
    /// A new version is missing: of a mirror, or of a mirror in a release.
    NeedsBump,
    /// Old snapshots are read as before.
    Allowed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Breaks => "BREAKS",
            Self::NeedsBump => "NEEDS A BUMP",
            Self::Allowed => "allowed",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12} {}", self.verdict, self.what)
    }
}

/// Compares a published schema with a new one. The worst changes come first.
#[must_use]
pub fn diff(old: &Schema, new: &Schema) -> Vec<Change> {
    let mut report = Report(Vec::new());
    releases(old, new, &mut report);
    for mirror in &old.document.mirrors {
        match new.mirror(&mirror.name) {
            Some(now) => mirrors(old, mirror, new, now, &mut report),
            None => missing_mirror(old, mirror, new, &mut report),
        }
    }
    for mirror in &new.document.mirrors {
        if old.mirror(&mirror.name).is_none() {
            report.allowed(format!("{}: a new mirror", mirror.name));
        }
    }
    report.0.sort_by_key(|change| change.verdict);
    report.0
}

struct Report(Vec<Change>);

impl Report {
    fn breaks(&mut self, what: String) {
        self.add(Verdict::Breaks, what);
    }

    fn needs_bump(&mut self, what: String) {
        self.add(Verdict::NeedsBump, what);
    }

    fn allowed(&mut self, what: String) {
        self.add(Verdict::Allowed, what);
    }

    fn add(&mut self, verdict: Verdict, what: String) {
        self.0.push(Change { verdict, what });
    }
}

fn releases(old: &Schema, new: &Schema, report: &mut Report) {
    if old.document.table != new.document.table {
        let name = |schema: &Schema| schema.document.table.clone().unwrap_or_else(|| "no name".into());
        let what = format!("the table: {} is now {}", name(old), name(new));
        // It is part of every fingerprint.
        if old.document.releases.iter().any(|release| release.published) {
            report.breaks(what);
        } else {
            report.allowed(what);
        }
    }
    for release in &old.document.releases {
        let Some(now) = new.release(release.number) else {
            let name = &release.name;
            report.allowed(format!(
                "release {name}: no longer supported, its snapshots are refused"
            ));
            continue;
        };
        if release.name != now.name {
            report.allowed(format!("release {}: now called {}", release.name, now.name));
        }
        match (release.published, now.published) {
            (true, false) => report.breaks(format!("release {}: was published and is open again", now.name)),
            (false, true) => report.allowed(format!("release {}: published", now.name)),
            (true, true) if release.fingerprint != now.fingerprint => {
                report.breaks(format!(
                    "release {}: other versions or layouts than were published",
                    now.name
                ));
            }
            _ => {}
        }
    }
    let newest = old
        .document
        .releases
        .iter()
        .map(|release| release.number)
        .max()
        .unwrap_or(0);
    for release in &new.document.releases {
        if old.release(release.number).is_none() {
            let from = release.from.and_then(|from| new.release(from));
            if let Some(from) = from {
                report.allowed(format!("release {}: new, parent {}", release.name, from.name));
            } else if release.number > newest || is_of_another_branch(release, old, new) {
                report.allowed(format!("release {}: new", release.name));
            } else {
                let name = &release.name;
                report.breaks(format!(
                    "release {name}: new, with a number that is not above all earlier ones"
                ));
            }
        }
    }
}

/// Returns `true` if a release of the old schema goes on from one before this release: the old schema is that of a branch
/// that never had it.
fn is_of_another_branch(release: &Release, old: &Schema, new: &Schema) -> bool {
    let mut branches = new
        .document
        .releases
        .iter()
        .filter(|branch| old.release(branch.number).is_some());
    branches.any(|branch| branch.from.is_some_and(|from| from < release.number) && release.number < branch.number)
}

fn missing_mirror(old: &Schema, mirror: &Mirror, new: &Schema, report: &mut Report) {
    let name = &mirror.name;
    let mut columns = old.document.releases.iter().zip(&mirror.releases);
    let still_read = columns
        .any(|(release, version)| release.published && version.is_some() && new.release(release.number).is_some());
    if still_read {
        report.breaks(format!("{name}: deleted, but a supported release still has it"));
    } else {
        report.allowed(format!("{name}: deleted, with every release that had it"));
    }
}

fn mirrors(old: &Schema, was: &Mirror, new: &Schema, now: &Mirror, report: &mut Report) {
    let name = &now.name;
    for release in &new.document.releases {
        let versions = (old.version_in(was, release.number), new.version_in(now, release.number));
        if let (Some(before), Some(after)) = versions
            && before != after
            && old.release(release.number).is_some_and(|release| release.published)
        {
            let release = &release.name;
            report.breaks(format!(
                "{name}: version {after} in the published release {release}, {before} before"
            ));
        }
    }
    let published = old.published_versions(was);
    if now.oldest > was.oldest {
        let last = now.oldest - 1;
        report.allowed(format!(
            "{name}: versions up to {last} are forgotten, and refused as such"
        ));
    }
    for version in was.oldest.max(now.oldest)..=was.version {
        let frozen = published.contains(&version);
        if was.layout(version).is_none() {
            continue;
        }
        if now.layout(version).is_none() {
            if frozen {
                report.breaks(format!("{name} version {version}: deleted"));
            }
            continue;
        }
        part_versions(was, now, version, frozen, report);
        let same_members = was.members(version) == now.members(version);
        if was.layout(version) != now.layout(version) || !same_members {
            version_changed(was, now, version, frozen, report);
        }
    }
    let members = now.ranges();
    for version in (1..=now.version).filter(|version| was.layout(*version).is_none()) {
        if version < now.oldest || now.layout(version).is_none() {
            continue;
        }
        new_version(now, &members, version, report);
        let in_a_release = now.releases.contains(&Some(version));
        if version == now.version && !in_a_release {
            report.needs_bump(format!("{name} version {version}: in no release"));
        }
    }
    reused_names(&published, was, now, report);
    annotations(was, now, report);
    if now.max_len > was.max_len {
        let (before, after) = (was.max_len, now.max_len);
        report.allowed(format!(
            "{name}: up to {after} bytes, {before} before: buffers of a fixed length must be this long"
        ));
    }
}

/// The versions of the parts and the releases of the inner snapshots in one version. A field that was no part before had its mirror in a row, which is compared
/// on its own.
fn part_versions(was: &Mirror, now: &Mirror, version: u16, frozen: bool, report: &mut Report) {
    let after = now.part_versions(version);
    for (name, before) in was.part_versions(version) {
        let Some(after) = after.get(&name) else { continue };
        if before != *after {
            let what = format!(
                "{} version {version}: what is in `{name}` has {after}, {before} before",
                now.name
            );
            if frozen {
                report.breaks(what);
            } else {
                report.allowed(format!("{what} (that version was never published)"));
            }
        }
    }
}

/// The changes within one version, each of which is an error if that version was published.
fn version_changed(was: &Mirror, now: &Mirror, version: u16, frozen: bool, report: &mut Report) {
    let (before, after) = (was.members(version), now.members(version));
    let next = was.version.saturating_add(1);
    let mut found = Vec::new();
    let (names_before, names_after) = (by_name(&before), by_name(&after));
    let ranges = now.ranges();
    for member in &before {
        let Member { name, text, .. } = member;
        match names_after.get(name.as_str()) {
            None => match ranges.get(name) {
                Some((start, end)) => {
                    let range = end.map_or_else(|| format!("{start}.."), |end| format!("{start}..{end}"));
                    found.push((
                        Verdict::Breaks,
                        format!("`{name}` is no longer in this version, its versions are {range}"),
                    ));
                }
                None => found.push((
                    Verdict::NeedsBump,
                    format!("`{name}` was removed: keep it, with `end = {next}`, and increase the version"),
                )),
            },
            Some(other) if other.text != *text => found.push((Verdict::Breaks, type_changed(member, other))),
            Some(_) => {}
        }
    }
    for Member { name, .. } in after
        .iter()
        .filter(|member| !names_before.contains_key(member.name.as_str()))
    {
        found.push((
            Verdict::NeedsBump,
            format!("`{name}` was added without a new version: give it `start = {next}`, and increase the version"),
        ));
    }
    let common_before = before
        .iter()
        .filter(|member| names_after.contains_key(member.name.as_str()));
    let common_after = after
        .iter()
        .filter(|member| names_before.contains_key(member.name.as_str()));
    if !common_before
        .map(|member| &member.name)
        .eq(common_after.map(|member| &member.name))
    {
        found.push((Verdict::Breaks, "the fields are in another order".to_owned()));
    }
    if found.is_empty() {
        found.push((Verdict::Breaks, "its layout is another one".to_owned()));
    }
    for (verdict, what) in found {
        let what = format!("{} version {version}: {what}", now.name);
        if frozen {
            report.add(verdict, what);
        } else {
            report.allowed(format!("{what} (that version was never published)"));
        }
    }
}

fn by_name(members: &[Member]) -> HashMap<&str, &Member> {
    members.iter().map(|member| (member.name.as_str(), member)).collect()
}

fn type_changed(was: &Member, now: &Member) -> String {
    let Member { name, text: before, .. } = was;
    let after = &now.text;
    let kind = match (&was.ty, &now.ty) {
        (Some(a), Some(b)) => difference(a, b),
        (None, None) => "has another tag",
        _ => "has another type",
    };
    format!("`{name}` {kind}: {before} before, {after} now")
}

/// What is different, also where it lies below something that is as it was.
fn difference(was: &Type, now: &Type) -> &'static str {
    match (was, now) {
        (Type::Uint { bits: a }, Type::Int { bits: b }) | (Type::Int { bits: a }, Type::Uint { bits: b }) if a == b => {
            "has another sign"
        }
        (Type::Uint { .. }, Type::Uint { .. }) | (Type::Int { .. }, Type::Int { .. }) => "has another width",
        (Type::Seq { of: a, .. }, Type::Seq { of: b, .. }) if a == b => "has another bound",
        (Type::Array { of: a, .. }, Type::Array { of: b, .. }) if a == b => "has another length",
        (Type::Str { .. }, Type::Str { .. }) => "has another bound",
        (Type::Foreign { layout: a, .. }, Type::Foreign { layout: b, .. }) if a == b => "has another bound",
        (a, Type::Option { of }) if **of == *a => "became conditional",
        (Type::Option { of }, b) if **of == *b => "is no longer conditional",
        (Type::Option { of: a }, Type::Option { of: b }) => difference(a, b),
        (Type::Seq { of: a, max: m }, Type::Seq { of: b, max: n })
        | (Type::Array { of: a, len: m }, Type::Array { of: b, len: n })
            if m == n =>
        {
            difference(a, b)
        }
        (Type::Tuple { of: a }, Type::Tuple { of: b }) if a.len() == b.len() => {
            let mut different = a.iter().zip(b).filter(|(a, b)| a != b);
            match (different.next(), different.next()) {
                (Some((a, b)), None) => difference(a, b),
                _ => "has another type",
            }
        }
        _ => "has another type",
    }
}

fn new_version(now: &Mirror, members: &Ranges, version: u16, report: &mut Report) {
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

/// A name that stood for one field and stands for another in a version that did not have it.
fn reused_names(published: &BTreeSet<u16>, was: &Mirror, now: &Mirror, report: &mut Report) {
    let after = now.ranges();
    for (name, (start, end)) in was.ranges() {
        let ever_published = published
            .iter()
            .any(|version| *version >= start && end.is_none_or(|end| *version < end));
        let Some((now_start, _)) = after.get(&name) else {
            continue;
        };
        if ever_published && end.is_some_and(|end| *now_start >= end) {
            report.breaks(format!(
                "{}: `{name}` was removed with version {} and is the name of another field now",
                now.name,
                end.unwrap_or_default()
            ));
        }
    }
}

/// What the source says of fields besides their bytes.
fn annotations(was: &Mirror, now: &Mirror, report: &mut Report) {
    let after: HashMap<String, &Field> = now.all_fields().collect();
    for (name, field) in was.all_fields() {
        let Some(other) = after.get(&name) else {
            continue;
        };
        if field.ignorable != other.ignorable {
            let not = if other.ignorable { "now" } else { "no longer" };
            report.allowed(format!("{}: `{name}` is {not} ignorable", now.name));
        }
        if field.unit != other.unit {
            let [before, after] = [field, other].map(|field| field.unit.as_deref().unwrap_or("no unit"));
            report.allowed(format!(
                "{}: `{name}` has another unit: {before} before, {after} now. If the numbers mean something else, that needs a \
                 version",
                now.name
            ));
        }
    }
}
