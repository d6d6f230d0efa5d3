//! Compile-time checks of a release table. All functions run during constant evaluation only.
//!
//! All are `#[track_caller]`, so that an error points to the mistake and not into this file.

#![expect(clippy::indexing_slicing, reason = "a failure of these functions is a compile error")]

use crate::check_layouts::{check_fields, check_found};
use crate::check_parts::check_parts;
use crate::check_step::check_step;
use crate::diagnose::release_change;
use crate::fingerprint::{find, version_in};
use crate::message::Message;
use crate::parts::{checked_fingerprint, release_fingerprint};
use crate::schema_data::{Field, Presence, Row, Schema, Shape, Type};

/// Checks a hand-written mirror. The derive macro makes the same checks for the mirrors that it writes.
#[track_caller]
pub const fn check_by_hand(derived: bool, schema: &Schema, layouts: &[u64]) {
    if !derived {
        check_found(schema, layouts);
        check_parts::<0>(schema, &[]);
        check_fields(schema);
    }
}

/// Checks the name of a table that has one.
#[track_caller]
pub const fn check_table_name(name: &str) {
    if name.is_empty() {
        Message::new()
            .str("the name of the release table is empty: write a name, such as `= \"acme-lamp\"`, or delete `= \"\"`")
            .fail()
    }
}

/// Checks a table's releases: names, numbers, literals, and the positions of their parents.
#[track_caller]
pub const fn check_releases(
    table: &str,
    rows: &[Row],
    releases: &[(&str, u64, Option<u64>)],
    parents: &[Option<usize>],
) {
    let mut i = 0;
    while i < releases.len() {
        let (name, number, literal) = releases[i];
        if number == 0 {
            Message::new()
                .str("release `")
                .str(name)
                .str("` has the number 0: numbers start at 1, so give it a higher one")
                .fail()
        }
        if number > u16::MAX as u64 {
            Message::new()
                .str("release `")
                .str(name)
                .str("` has the number ")
                .number(number)
                .str(", and the highest number is 65535")
                .fail()
        }
        if i > 0 && number <= releases[i - 1].1 {
            Message::new()
                .str("release numbers must ascend: `")
                .str(name)
                .str("` = ")
                .number(number)
                .str(" follows `")
                .str(releases[i - 1].0)
                .str("` = ")
                .number(releases[i - 1].1)
                .str(": give it a higher number, or move it")
                .fail()
        }
        if let Some(parent) = parents[i]
            && parent >= i
        {
            Message::new()
                .str("release `")
                .str(name)
                .str("` has the parent `")
                .str(releases[parent].0)
                .str("`, which is not an earlier release: name an earlier release, or delete `from`")
                .fail()
        }
        if literal.is_none() && i + 1 < releases.len() {
            Message::new()
                .str("release `")
                .str(name)
                .str("` is open, and only the last release may be: pin it before you add the next, as `")
                .str(name)
                .str(" = ")
                .number(number)
                .str(" @ ")
                .fingerprint(release_fingerprint(table, rows, i))
                .str("`")
                .fail()
        }
        i += 1;
    }
}

/// Checks one mirror's row. `given` is the row as written, with `None` for `_`. `parents` are the positions of the
/// parents of the releases.
#[track_caller]
pub const fn check_row(
    rows: &[Row],
    releases: &[&str],
    parents: &[Option<usize>],
    schema: &Schema,
    given: &[Option<u16>],
) {
    let name = schema.name;
    if given.len() != releases.len() {
        Message::new()
            .str("the row of `")
            .str(name)
            .str("` has ")
            .number(given.len() as u64)
            .str(if given.len() == 1 { " version" } else { " versions" })
            .str(", and the number of releases is ")
            .number(releases.len() as u64)
            .str(": give a version for each release, and `_` for a release without this mirror")
            .fail()
    }
    let mut twins = 0;
    let mut rest = rows;
    while let [row, tail @ ..] = rest {
        if row.schema.name_hash == schema.name_hash {
            twins += 1;
        }
        rest = tail;
    }
    if twins > 1 {
        Message::new()
            .str("two rows have the wire name `")
            .str(name)
            .str("`: delete one of them, or, if they are two mirrors, give one another `name = \"…\"`")
            .fail()
    }
    let mut release = 0;
    while release < given.len() {
        let before = match parents[release] {
            Some(parent) => given[parent],
            None => None,
        };
        match (before, given[release]) {
            (Some(_), None) => at(releases, release, name)
                .str("is `_`, but an earlier release has it: a mirror that is no longer used keeps its last version")
                .fail(),
            (None, None) => {}
            (_, Some(0)) => at(releases, release, name)
                .str("has version 0: versions start at 1, and `_` stands for a release without this mirror")
                .fail(),
            (before, Some(version)) => {
                // A message takes long to begin, so only a mistake does.
                if let Some(before) = before
                    && !schema.history.leads(before, version)
                {
                    check_step(at(releases, release, name), schema, before, version);
                }
                if !schema.has(version) {
                    refuse_version(at(releases, release, name), rows, schema, version)
                }
            }
        }
        release += 1;
    }
    let last = match given {
        [.., Some(last)] => *last,
        _ => 0,
    };
    if last != schema.version {
        Message::new()
            .str("the last release has `")
            .str(name)
            .str("` at version ")
            .number(last as u64)
            .str(", and the mirror's latest is ")
            .number(schema.version as u64)
            .str(": add a release with the latest version, or, if the last release is still open, give it the latest version")
            .other_wrong_rows(rows, schema)
            .fail()
    }
    match schema.shape {
        Shape::Struct(fields) => check_reach(rows, releases, schema, given, fields, Presence::ALWAYS),
        Shape::Enum(variants) => {
            let mut rest = variants;
            while let [variant, tail @ ..] = rest {
                check_reach(rows, releases, schema, given, variant.fields, variant.versions);
                rest = tail;
            }
        }
    }
}

/// Refuses a version in a row that the mirror does not have. `place` is the beginning of the message.
#[track_caller]
const fn refuse_version(place: Message, rows: &[Row], schema: &Schema, version: u16) -> ! {
    let place = place.str("is at version ").number(version as u64);
    if version > schema.version {
        place
            .str(", and the latest version of the mirror is ")
            .number(schema.version as u64)
            .str(": increase `version` on the mirror, or correct the row")
            .other_wrong_rows(rows, schema)
            .fail()
    }
    if version < schema.history.oldest {
        place
            .str(", and the oldest version that the mirror still has is ")
            .number(schema.history.oldest as u64)
            .str(": delete the release from the table, or keep the version in the mirror")
            .fail()
    }
    place
        .str(", whose layout this source does not have (`_` in `layouts`): it belongs to another branch, and so does the release")
        .fail()
}

/// Refuses a field with a mirror whose row has `_` for a release that has the field. `around` are the versions of the
/// variant with the field.
#[track_caller]
const fn check_reach(
    rows: &[Row],
    releases: &[&str],
    schema: &Schema,
    given: &[Option<u16>],
    fields: &[Field],
    around: Presence,
) {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        // The version of a part comes from its owner.
        if field.parts.is_empty() {
            check_type(rows, releases, schema, given, field, around, field.ty);
        }
        rest = tail;
    }
}

#[track_caller]
const fn check_type(
    rows: &[Row],
    releases: &[&str],
    owner: &Schema,
    given: &[Option<u16>],
    field: &Field,
    around: Presence,
    ty: &Type,
) {
    match ty {
        Type::Array(inner, _) | Type::Option(inner) | Type::Seq(inner, _) => {
            check_type(rows, releases, owner, given, field, around, inner);
        }
        Type::Tuple(parts) => {
            let mut rest = *parts;
            while let [part, tail @ ..] = rest {
                check_type(rows, releases, owner, given, field, around, part);
                rest = tail;
            }
        }
        Type::Mirror(part) => {
            let Some(row) = find(rows, part) else {
                Message::new()
                    .str("`")
                    .str(owner.name)
                    .str("` has a field `")
                    .str(field.name)
                    .str("` of the mirror `")
                    .str(part.name)
                    .str("`, which has no row in the release table: add `")
                    .str(part.name)
                    .str(" => [..]`, or make it a part of `")
                    .str(owner.name)
                    .str("` with `part = [..]` on the field")
                    .fail()
            };
            let mut release = 0;
            while release < given.len() {
                if let Some(version) = given[release]
                    && field.versions.contain(version)
                    && around.contain(version)
                    && version_in(row, release) == 0
                {
                    at(releases, release, part.name)
                        .str("is `_`, and the field `")
                        .str(field.name)
                        .str("` of `")
                        .str(owner.name)
                        .str("` version ")
                        .number(version as u64)
                        .str(" holds it: give the mirror a version in that release, or give the field, or its variant, a later `start`")
                        .fail()
                }
                release += 1;
            }
        }
        _ => {}
    }
}

/// Checks a published release's literal against what the rows give.
#[track_caller]
pub const fn check_published(table: &str, rows: &[Row], release: usize, name: &str, literal: Option<u64>) {
    let found = checked_fingerprint(table, rows, release);
    if let Some(literal) = literal
        && literal != found
    {
        let message = Message::new()
            .str("the published release `")
            .str(name)
            .str("` has changed: the table pins ")
            .fingerprint(literal)
            .str(", the rows give ")
            .fingerprint(found)
            .str(". ");
        let message = match release_change(rows, release, found, literal) {
            Some((row, version)) => message
                .str("With ")
                .version(version)
                .str(" in the row of `")
                .str(rows[row].schema.name)
                .str("` in place of ")
                .version(version_in(&rows[row], release))
                .str(", the release is the published one. "),
            None => message,
        };
        let message = message
            .str(
                "A published release may not change: undo the change of its versions in the rows, or of a mirror, or \
                  add a release. Only if `",
            )
            .str(name)
            .str("` was never published, pin ")
            .fingerprint(found)
            .str(". Its versions are now ")
            .column(rows, release);
        if table.is_empty() {
            message.fail()
        }
        message
            .str(", and the name of the table, which is part of the fingerprint, is `")
            .str(table)
            .str("`")
            .fail()
    }
}

/// Returns the pin of a release that has one for each target.
#[must_use]
#[track_caller]
pub const fn only_pin(pins: &[Option<u64>]) -> Option<u64> {
    match pins {
        [pin] => *pin,
        [] => Message::new()
            .str("a release has no fingerprint for this target: no condition of its `#[cfg(…)]`s holds. Add one for this target, or `#[cfg(not(…))] open`")
            .fail(),
        _ => Message::new()
            .str("a release has more than one fingerprint for this target: more than one condition of its `#[cfg(…)]`s holds. Write conditions that exclude each other")
            .fail(),
    }
}

/// Checks that no published release has a mirror at a version that is still `open`; `layouts` are the mirror's.
#[track_caller]
pub const fn check_pinned(
    releases: &[&str],
    published: &[Option<u64>],
    schema: &Schema,
    layouts: &[u64],
    open: bool,
    given: &[Option<u16>],
) {
    let mut release = 0;
    while open && release < given.len() && release < published.len() {
        if let Some(version) = given[release]
            && let [.., layout] = layouts
            && version == schema.version
            && published[release].is_some()
        {
            Message::new()
                .str("release `")
                .str(releases[release])
                .str("` is published and has the mirror `")
                .str(schema.name)
                .str("` at version ")
                .number(version as u64)
                .str(", whose layout is still `open`: pin it on the mirror, with ")
                .fingerprint(*layout)
                .str(" in place of `open`")
                .fail()
        }
        release += 1;
    }
}

impl Message {
    /// A version as it stands in a row.
    const fn version(self, version: u16) -> Self {
        match version {
            0 => self.str("`_`"),
            version => self.str("`").number(version as u64).str("`"),
        }
    }

    /// A release's versions, row by row.
    const fn column(mut self, rows: &[Row], release: usize) -> Self {
        let mut row = 0;
        while row < rows.len() {
            if row > 0 {
                self = self.str(", ");
            }
            self = self.str(rows[row].schema.name).str(" => ");
            self = match version_in(&rows[row], release) {
                0 => self.str("_"),
                version => self.number(version as u64),
            };
            row += 1;
        }
        self
    }
}

const fn at(releases: &[&str], release: usize, mirror: &str) -> Message {
    Message::new()
        .str("in release `")
        .str(releases[release])
        .str("` the mirror `")
        .str(mirror)
        .str("` ")
}

/// Checks a buffer's length against what a mirror's snapshots may take.
#[track_caller]
pub const fn check_buffer(mirror: &str, length: usize, needed: usize) {
    if length < needed {
        Message::new()
            .str("a buffer of ")
            .number(length as u64)
            .str(" bytes is too small for a snapshot of `")
            .str(mirror)
            .str("`, which takes up to ")
            .number(needed as u64)
            .str(": delete the length, or give at least that")
            .fail()
    }
}
