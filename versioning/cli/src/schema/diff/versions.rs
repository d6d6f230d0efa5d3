//! The changes within a version that both schemas have. What was published may not change.

use std::collections::{BTreeSet, HashMap};

use super::super::change::{Report, Verdict};
use super::super::document::{Member, Mirror};
use super::types::type_changed;

/// A mirror in both schemas.
pub(super) struct Compared<'s> {
    pub(super) was: &'s Mirror,
    pub(super) now: &'s Mirror,
    /// The versions that published releases of the old schema have.
    pub(super) published: &'s BTreeSet<u16>,
}

impl Compared<'_> {
    /// Compares every version that both schemas have.
    pub(super) fn report(&self, report: &mut Report) {
        let Self { was, now, .. } = self;
        for version in was.oldest.max(now.oldest)..=was.version {
            if was.layout(version).is_none() {
                continue;
            }
            if now.layout(version).is_none() {
                self.add(report, version, Verdict::Breaks, "deleted");
                continue;
            }
            self.parts(version, report);
            let same_members = was.members(version) == now.members(version);
            if was.layout(version) != now.layout(version) || !same_members {
                self.members(version, report);
            }
        }
    }

    fn add(&self, report: &mut Report, version: u16, verdict: Verdict, what: &str) {
        let what = format!("{} version {version}: {what}", self.now.name);
        if self.published.contains(&version) {
            report.add(verdict, what);
        } else {
            report.allowed(format!("{what} (no published release has this version)"));
        }
    }

    /// The versions of the parts and the releases of the inner snapshots in one version. A field that was no part before
    /// had its mirror in a row, which is compared on its own.
    fn parts(&self, version: u16, report: &mut Report) {
        let after = self.now.part_versions(version);
        for (name, before) in self.was.part_versions(version) {
            if let Some(after) = after.get(&name).filter(|after| **after != before) {
                let what = format!("what is in `{name}` has {after}, {before} before");
                self.add(report, version, Verdict::Breaks, &what);
            }
        }
    }

    /// The fields and variants of one version.
    fn members(&self, version: u16, report: &mut Report) {
        let (before, after) = (self.was.members(version), self.now.members(version));
        let (names_before, names_after) = (by_name(&before), by_name(&after));
        let mut found = Vec::new();
        for member in before.iter().filter(|member| !is_covered(member, &names_after)) {
            match names_after.get(member.name.as_str()) {
                None => found.push(self.removed(&member.name, version)),
                Some(other) if other.text != member.text => found.push((Verdict::Breaks, type_changed(member, other))),
                Some(_) => {}
            }
        }
        let added = after
            .iter()
            .filter(|member| !names_before.contains_key(member.name.as_str()));
        for member in added.filter(|member| !is_covered(member, &names_before)) {
            found.push(self.added(&member.name, version));
        }
        let common = |members: &[Member], others: &HashMap<&str, &Member>| -> Vec<String> {
            let names = members.iter().map(|member| member.name.clone());
            names.filter(|name| others.contains_key(name.as_str())).collect()
        };
        if common(&before, &names_after) != common(&after, &names_before) {
            found.push((Verdict::Breaks, "the fields are in another order".to_owned()));
        }
        if found.is_empty() {
            found.push((Verdict::Breaks, "its layout is another one".to_owned()));
        }
        for (verdict, what) in found {
            self.add(report, version, verdict, &what);
        }
    }

    fn removed(&self, name: &str, version: u16) -> (Verdict, String) {
        match self.now.versions_of(name) {
            Some(versions) => (
                Verdict::Breaks,
                format!("`{name}` is no longer in this version, its versions are {versions}"),
            ),
            None if self.published.contains(&version) => {
                let next = self.next("end");
                (
                    Verdict::NeedsBump,
                    format!("`{name}` was removed: keep it, with {next}"),
                )
            }
            None => (Verdict::Allowed, format!("`{name}` was removed")),
        }
    }

    fn added(&self, name: &str, version: u16) -> (Verdict, String) {
        match (self.was.versions_of(name), self.now.versions_of(name)) {
            (Some(before), Some(after)) => (
                Verdict::Breaks,
                format!("`{name}` is in this version now, its versions are {after}, {before} before"),
            ),
            _ if self.published.contains(&version) => {
                let next = self.next("start");
                let what = format!("`{name}` was added without a new version: give it {next}");
                (Verdict::NeedsBump, what)
            }
            _ => (Verdict::Allowed, format!("`{name}` was added")),
        }
    }

    /// Returns the attribute with the version that a change belongs to, and what else is to be done: the latest version,
    /// as long as no release has published it.
    fn next(&self, attribute: &str) -> String {
        let newest = self.published.last().copied().unwrap_or(0);
        let version = self.now.version.max(newest.saturating_add(1));
        if version > self.now.version {
            format!("`{attribute} = {version}`, and increase the version")
        } else {
            format!("`{attribute} = {version}`, because no published release has version {version}")
        }
    }
}

/// Returns `true` for a field of a variant that only one schema has: the variant is reported.
fn is_covered(member: &Member, others: &HashMap<&str, &Member>) -> bool {
    let variant = member.variant.as_deref();
    variant.is_some_and(|variant| !others.contains_key(variant))
}

fn by_name(members: &[Member]) -> HashMap<&str, &Member> {
    members.iter().map(|member| (member.name.as_str(), member)).collect()
}
