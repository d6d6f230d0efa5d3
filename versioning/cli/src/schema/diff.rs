//! Compares two schemas of a product: the changes, whether they are allowed, and what is missing.

mod new_version;
mod releases;
mod types;
mod versions;

use std::collections::{BTreeSet, HashMap};

use new_version::new_version;
use versions::Compared;

use super::change::{Change, Report};
use super::document::{Field, Mirror};
use super::load::Schema;

/// Compares a published schema with a new one. The worst changes come first.
///
/// What only open releases of the old schema have may change.
#[must_use]
pub fn diff(old: &Schema, new: &Schema) -> Vec<Change> {
    let mut report = Report::default();
    releases::table(old, new, &mut report);
    for mirror in &old.document.mirrors {
        match new.mirror(&mirror.name) {
            Some(now) => mirrors(old, mirror, new, now, &mut report),
            None => missing_mirror(old, mirror, new, &mut report),
        }
    }
    for mirror in &new.document.mirrors {
        if old.mirror(&mirror.name).is_none() {
            report.allowed(format!("{}: a new mirror", mirror.name));
            releases::row(old, None, new, mirror, &mut report);
        }
    }
    report.sorted()
}

fn missing_mirror(old: &Schema, mirror: &Mirror, new: &Schema, report: &mut Report) {
    let name = &mirror.name;
    if old
        .published(mirror)
        .any(|(release, _)| new.release(release.number).is_some())
    {
        report.breaks(format!("{name}: deleted, but a supported release still has it"));
    } else if old.published(mirror).next().is_none() {
        report.allowed(format!("{name}: deleted (no published release has this mirror)"));
    } else {
        report.allowed(format!("{name}: deleted, with every published release that had it"));
    }
}

fn mirrors(old: &Schema, was: &Mirror, new: &Schema, now: &Mirror, report: &mut Report) {
    let name = &now.name;
    let published = old.published(was).map(|(_, version)| version).collect();
    if now.oldest > was.oldest {
        let last = now.oldest - 1;
        report.allowed(format!(
            "{name}: versions up to {last} are forgotten, and refused as such"
        ));
    }
    let compared = Compared {
        was,
        now,
        published: &published,
    };
    compared.report(report);
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
    releases::row(old, Some(was), new, now, report);
    reused_names(&published, was, now, report);
    annotations(was, now, report);
    if now.max_len > was.max_len {
        let (before, after) = (was.max_len, now.max_len);
        report.allowed(format!(
            "{name}: up to {after} bytes, {before} before: buffers of a fixed length must be this long"
        ));
    }
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
