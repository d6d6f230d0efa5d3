//! The changes of the releases, and of the mirrors that each release has.

use super::super::change::{Report, Verdict};
use super::super::document::{Document, Mirror, Release};
use super::super::load::Schema;

/// Compares the table and its releases, without their mirrors.
pub(super) fn table(old: &Schema, new: &Schema, report: &mut Report) {
    if old.document.table != new.document.table {
        let name = |schema: &Schema| schema.document.table.clone().unwrap_or_else(|| "no name".into());
        // It is part of every fingerprint.
        let published = published(&old.document).next().is_some();
        let what = format!("the table: {} is now {}", name(old), name(new));
        report.matters_if(published, Verdict::Breaks, what);
    }
    for release in &old.document.releases {
        let name = &release.name;
        match new.release(release.number) {
            Some(now) => same_number(release, now, report),
            None if release.published => report.allowed(format!(
                "release {name}: no longer supported, its snapshots are refused"
            )),
            None => report.allowed(format!("release {name}: deleted, it was open")),
        }
    }
    let newest = published(&old.document).map(|release| release.number).max();
    for release in &new.document.releases {
        if old.release(release.number).is_none() {
            new_release(release, newest.unwrap_or(0), old, new, report);
        }
    }
}

fn published(document: &Document) -> impl Iterator<Item = &Release> {
    document.releases.iter().filter(|release| release.published)
}

fn same_number(was: &Release, now: &Release, report: &mut Report) {
    if was.name != now.name {
        report.allowed(format!("release {}: now called {}", was.name, now.name));
    }
    match (was.published, now.published) {
        (true, false) => report.breaks(format!("release {}: was published and is open again", now.name)),
        (false, true) => report.allowed(format!("release {}: published", now.name)),
        (true, true) if was.fingerprint != now.fingerprint => {
            report.breaks(format!(
                "release {}: other versions or layouts than were published",
                now.name
            ));
        }
        _ => {}
    }
}

fn new_release(release: &Release, newest: u16, old: &Schema, new: &Schema, report: &mut Report) {
    let name = &release.name;
    if let Some(from) = release.from.and_then(|from| new.release(from)) {
        report.allowed(format!("release {name}: new, parent {}", from.name));
    } else if release.number > newest || is_of_another_branch(release, old, new) {
        report.allowed(format!("release {name}: new"));
    } else {
        report.breaks(format!(
            "release {name}: new, with a number that is not above all published ones"
        ));
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

/// Compares the row of a mirror: its version in each release that both schemas have. An old schema without the mirror has
/// an empty row.
pub(super) fn row(old: &Schema, was: Option<&Mirror>, new: &Schema, now: &Mirror, report: &mut Report) {
    for release in &new.document.releases {
        let Some(earlier) = old.release(release.number) else {
            continue;
        };
        let before = was.and_then(|was| old.version_in(was, release.number));
        let after = new.version_in(now, release.number);
        if before == after {
            continue;
        }
        let text = |version: Option<u16>| version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        let state = if earlier.published { "published" } else { "open" };
        let what = match after {
            Some(after) => format!(
                "{}: version {after} in the {state} release {}, {} before",
                now.name,
                release.name,
                text(before)
            ),
            None => format!(
                "{}: not in the {state} release {}, version {} before",
                now.name,
                release.name,
                text(before)
            ),
        };
        report.matters_if(earlier.published, Verdict::Breaks, what);
    }
}
