//! What changed between two dumps, whether it is allowed, and what was forgotten.

use super::dump::{Dump, Mirror, Part, Type};
use std::collections::BTreeSet;
use std::fmt;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) verdict: Verdict,
    pub(crate) what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// State that was written can no longer be read, or is read as something else.
    Forbidden,
    /// Nothing is broken yet, and something is missing.
    Forgotten,
    Allowed,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Forbidden => "NOT ALLOWED",
            Verdict::Forgotten => "FORGOTTEN",
            Verdict::Allowed => "allowed",
        };
        write!(f, "{verdict:<12} {}", self.what)
    }
}

/// Compares what was published with what is to be.
pub(crate) fn diff(old: &Dump, new: &Dump) -> Vec<Change> {
    let mut report = Report(Vec::new());
    releases(old, new, &mut report);
    for mirror in &old.mirrors {
        match new.mirror(&mirror.name) {
            Some(now) => mirrors(old, mirror, new, now, &mut report),
            None => missing_mirror(old, mirror, new, &mut report),
        }
    }
    for mirror in &new.mirrors {
        if old.mirror(&mirror.name).is_none() {
            report.allowed(format!("{}: a new mirror", mirror.name));
        }
    }
    report.0.sort_by_key(|change| change.verdict);
    report.0
}

struct Report(Vec<Change>);

impl Report {
    fn forbidden(&mut self, what: String) {
        self.add(Verdict::Forbidden, what);
    }

    fn forgotten(&mut self, what: String) {
        self.add(Verdict::Forgotten, what);
    }

    fn allowed(&mut self, what: String) {
        self.add(Verdict::Allowed, what);
    }

    fn add(&mut self, verdict: Verdict, what: String) {
        self.0.push(Change { verdict, what });
    }
}

fn releases(old: &Dump, new: &Dump, report: &mut Report) {
    if old.table != new.table {
        let name = |dump: &Dump| dump.table.clone().unwrap_or_else(|| "no name".into());
        let what = format!("the table: {} is now {}", name(old), name(new));
        // It is part of every fingerprint.
        if old.releases.iter().any(|release| release.published) {
            report.forbidden(what);
        } else {
            report.allowed(what);
        }
    }
    for release in &old.releases {
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
            (true, false) => report.forbidden(format!("release {}: was published and is open again", now.name)),
            (false, true) => report.allowed(format!("release {}: published", now.name)),
            (true, true) if release.fingerprint != now.fingerprint => {
                report.forbidden(format!(
                    "release {}: other versions or layouts than were published",
                    now.name
                ));
            }
            _ => {}
        }
    }
    let newest = old.releases.iter().map(|release| release.number).max().unwrap_or(0);
    for release in &new.releases {
        if old.release(release.number).is_none() {
            if release.number > newest {
                report.allowed(format!("release {}: new", release.name));
            } else {
                let name = &release.name;
                report.forbidden(format!(
                    "release {name}: new, with a number that is not above all earlier ones"
                ));
            }
        }
    }
}

fn missing_mirror(old: &Dump, mirror: &Mirror, new: &Dump, report: &mut Report) {
    let name = &mirror.name;
    let mut columns = old.releases.iter().zip(&mirror.releases);
    let still_read = columns
        .any(|(release, version)| release.published && version.is_some() && new.release(release.number).is_some());
    if still_read {
        report.forbidden(format!("{name}: gone, and a release that is still supported has it"));
    } else {
        report.allowed(format!("{name}: gone, with every release that had it"));
    }
}

fn mirrors(old: &Dump, was: &Mirror, new: &Dump, now: &Mirror, report: &mut Report) {
    let name = &now.name;
    for release in &new.releases {
        let versions = (old.version_in(was, release.number), new.version_in(now, release.number));
        if let (Some(before), Some(after)) = versions
            && before != after
            && old.release(release.number).is_some_and(|release| release.published)
        {
            let release = &release.name;
            report.forbidden(format!(
                "{name}: version {after} in the published release {release}, {before} before"
            ));
        }
    }
    for version in 1..=was.version {
        let frozen = old.is_published(was, version);
        if now.version < version {
            if frozen {
                report.forbidden(format!("{name} version {version}: gone"));
            }
            continue;
        }
        part_versions(was, now, version, frozen, report);
        let same_parts = was.parts(version) == now.parts(version);
        if was.layout(version) != now.layout(version) || !same_parts {
            version_changed(was, now, version, frozen, report);
        }
    }
    for version in was.version + 1..=now.version {
        new_version(now, version, report);
        let in_a_release = now.releases.contains(&Some(version));
        if version == now.version && !in_a_release {
            report.forgotten(format!("{name} version {version}: in no release"));
        }
    }
    reused_names(old, was, now, report);
    ignorable(was, now, report);
    if now.max_len > was.max_len {
        let (before, after) = (was.max_len, now.max_len);
        report.allowed(format!(
            "{name}: up to {after} bytes, {before} before: buffers of a fixed length need as many"
        ));
    }
}

/// The versions of the parts in one version. A field that was no part before had its mirror in a row, which is compared
/// on its own.
fn part_versions(was: &Mirror, now: &Mirror, version: u16, frozen: bool, report: &mut Report) {
    let after = now.part_versions(version);
    for (name, before) in was.part_versions(version) {
        let Some(after) = after.get(&name) else { continue };
        if before != *after {
            let text = |version: Option<u16>| version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            let (before, after) = (text(before), text(*after));
            let what = format!(
                "{} version {version}: the part in `{name}` has version {after}, {before} before",
                now.name
            );
            if frozen {
                report.forbidden(what);
            } else {
                report.allowed(format!("{what} (that version was never published)"));
            }
        }
    }
}

/// The changes within one version, each of which is an error if that version was published.
fn version_changed(was: &Mirror, now: &Mirror, version: u16, frozen: bool, report: &mut Report) {
    let (before, after) = (was.parts(version), now.parts(version));
    let next = was.version + 1;
    let mut found = Vec::new();
    for part in &before {
        match after.iter().find(|other| other.name == part.name) {
            None => match now.ranges().get(&part.name) {
                Some((start, end)) => {
                    let range = end.map_or_else(|| format!("{start}.."), |end| format!("{start}..{end}"));
                    found.push(format!("`{}` is no longer in it, its versions are {range}", part.name));
                }
                None => found.push(format!(
                    "`{}` was removed: keep it, with `end = {next}`, and raise the version",
                    part.name
                )),
            },
            Some(other) if other.text != part.text => found.push(type_changed(part, other)),
            Some(_) => {}
        }
    }
    for part in after
        .iter()
        .filter(|part| before.iter().all(|other| other.name != part.name))
    {
        found.push(format!(
            "`{}` was added without a new version: give it `start = {next}`, and raise the version",
            part.name
        ));
    }
    let order = |parts: &[Part], others: &[Part]| -> Vec<String> {
        let common = parts
            .iter()
            .filter(|part| others.iter().any(|other| other.name == part.name));
        common.map(|part| part.name.clone()).collect()
    };
    if order(&before, &after) != order(&after, &before) {
        found.push("the fields are in another order".to_owned());
    }
    if found.is_empty() {
        found.push("its layout is another one".to_owned());
    }
    for what in found {
        let what = format!("{} version {version}: {what}", now.name);
        if frozen {
            report.forbidden(what);
        } else {
            report.allowed(format!("{what} (that version was never published)"));
        }
    }
}

fn type_changed(was: &Part, now: &Part) -> String {
    let Part { name, text: before, .. } = was;
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

fn new_version(now: &Mirror, version: u16, report: &mut Report) {
    let mut added = Vec::new();
    let mut removed = Vec::new();
    for (name, (start, end)) in now.ranges() {
        if start == version {
            added.push(format!("`{name}`"));
        }
        if end == Some(version) {
            removed.push(format!("`{name}`"));
        }
    }
    let list = |word: &str, names: Vec<String>| match names.as_slice() {
        [] => String::new(),
        names => format!(", {word} {}", names.join(", ")),
    };
    let (added, removed) = (list("with", added), list("without", removed));
    report.allowed(format!("{} version {version}: new{added}{removed}", now.name));
}

/// A name that stood for one field and stands for another in a version that did not have it.
fn reused_names(old: &Dump, was: &Mirror, now: &Mirror, report: &mut Report) {
    let after = now.ranges();
    let published: BTreeSet<u16> = (1..=was.version)
        .filter(|version| old.is_published(was, *version))
        .collect();
    for (name, (start, end)) in was.ranges() {
        let ever_published = published
            .iter()
            .any(|version| *version >= start && end.is_none_or(|end| *version < end));
        let Some((now_start, _)) = after.get(&name) else {
            continue;
        };
        if ever_published && end.is_some_and(|end| *now_start >= end) {
            report.forbidden(format!(
                "{}: `{name}` was removed with version {} and is the name of another field now",
                now.name,
                end.unwrap_or_default()
            ));
        }
    }
}

fn ignorable(was: &Mirror, now: &Mirror, report: &mut Report) {
    for field in &was.fields {
        let Some(other) = now.fields.iter().find(|other| other.name == field.name) else {
            continue;
        };
        if field.ignorable != other.ignorable {
            let not = if other.ignorable { "now" } else { "no longer" };
            report.allowed(format!("{}: `{}` is {not} ignorable", now.name, field.name));
        }
    }
}
