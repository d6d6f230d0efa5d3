//! Mirrors without a row, whose owner says which version each of its own versions has, and what they add to a release.

#![expect(clippy::indexing_slicing, reason = "runs during constant evaluation")]

use crate::fingerprint::{find, layout, version_in};
use crate::fnv::fnv1a;
use crate::message::Message;
use crate::schema_data::{Field, Presence, Row, Schema, Shape, Type};

/// The maximum number of different parts without a row in one release.
const MAX_PARTS: usize = 256;

/// The fingerprint of a whole release: the wrapping sum of the layouts of its mirrors, each counted once. So the order of
/// the rows does not matter, and neither does whether a mirror has a row or is a part. The hash of the table's name is added,
/// if it has one.
#[must_use]
pub(crate) const fn release_fingerprint(table: &str, rows: &[Row], release: usize) -> u64 {
    column(rows, release).fingerprint(table)
}

/// Returns the fingerprint of a release, and refuses one with too many different parts. Runs during constant evaluation only.
#[track_caller]
pub(crate) const fn checked_fingerprint(table: &str, rows: &[Row], release: usize) -> u64 {
    let column = column(rows, release);
    if let Some(name) = column.too_many {
        Message::new()
            .str("a release has more than ")
            .number(MAX_PARTS as u64)
            .str(" different parts: give `")
            .str(name)
            .str("` or another part its own row in the release table, instead of `part = [..]`")
            .fail()
    }
    column.fingerprint(table)
}

const fn column(rows: &[Row], release: usize) -> Column<'_> {
    let mut column = Column::new(rows, release);
    let mut rest = rows;
    while let [row, tail @ ..] = rest {
        column.row(row, version_in(row, release));
        rest = tail;
    }
    column
}

/// What a row adds to the sum of its release with that version in it.
pub(crate) const fn sum_of(row: &Row, version: u16) -> u64 {
    let mut column = Column::new(&[], 0);
    column.row(row, version);
    column.sum
}

/// The sum of a release under construction.
struct Column<'a> {
    rows: &'a [Row],
    release: usize,
    sum: u64,
    /// The parts that have been counted.
    counted: [u64; MAX_PARTS],
    len: usize,
    /// A part that there was no room for. Programs also print fingerprints, so only [`checked_fingerprint`] refuses it.
    too_many: Option<&'static str>,
}

impl<'a> Column<'a> {
    const fn new(rows: &'a [Row], release: usize) -> Self {
        Self {
            rows,
            release,
            sum: 0,
            counted: [0; MAX_PARTS],
            len: 0,
            too_many: None,
        }
    }

    /// Returns the sum, with the hash of the table's name if it has one.
    const fn fingerprint(&self, table: &str) -> u64 {
        if table.is_empty() {
            self.sum
        } else {
            self.sum.wrapping_add(fnv1a(table.as_bytes()))
        }
    }

    const fn row(&mut self, row: &Row, version: u16) {
        if version > 0 && version as usize <= row.layouts.len() {
            self.sum = self.sum.wrapping_add(row.layouts[version as usize - 1]);
            self.parts(row.schema, version);
        }
    }

    /// Adds the parts of a mirror.
    const fn parts(&mut self, schema: &Schema, version: u16) {
        if !schema.has_parts {
            return;
        }
        match schema.shape {
            Shape::Struct(fields) => self.fields(fields, Presence::ALWAYS, version),
            Shape::Enum(variants) => {
                let mut rest = variants;
                while let [variant, tail @ ..] = rest {
                    self.fields(variant.fields, variant.versions, version);
                    rest = tail;
                }
            }
        }
    }

    const fn fields(&mut self, fields: &[Field], around: Presence, version: u16) {
        let mut rest = fields;
        while let [field, tail @ ..] = rest {
            let part = field.part_at(version);
            if part != 0 && around.contain(version) {
                self.ty(field.ty, part);
            }
            rest = tail;
        }
    }

    const fn ty(&mut self, ty: &Type, version: u16) {
        match ty {
            Type::Mirror(schema) => {
                self.part(schema, version);
                self.parts(schema, version);
            }
            Type::Array(inner, _) | Type::Option(inner) | Type::Seq(inner, _) => self.ty(inner, version),
            Type::Tuple(types) => {
                let mut rest = *types;
                while let [ty, tail @ ..] = rest {
                    self.ty(ty, version);
                    rest = tail;
                }
            }
            _ => {}
        }
    }

    /// Adds a part, unless it has a row with that version or was counted before.
    const fn part(&mut self, schema: &Schema, version: u16) {
        if let Some(row) = find(self.rows, schema)
            && version_in(row, self.release) == version
        {
            return;
        }
        let layout = layout(schema, version);
        let mut at = 0;
        while at < self.len && at < self.counted.len() {
            if self.counted[at] == layout {
                return;
            }
            at += 1;
        }
        if at < self.counted.len() {
            self.counted[at] = layout;
            self.len = at + 1;
            self.sum = self.sum.wrapping_add(layout);
        } else {
            self.too_many = Some(schema.name);
        }
    }
}

/// Calls `visit` with each mirror below the rows that is a part and has no row, each once, in the order of the rows.
pub(crate) fn for_each(rows: &'static [Row], visit: &mut dyn FnMut(&'static Schema)) {
    let mut nth = 0;
    occurrences(rows, &mut |part, _| {
        nth += 1;
        let (mut at, mut first) = (0, 0);
        occurrences(rows, &mut |other, _| {
            at += 1;
            if first == 0 && other.name_hash == part.name_hash {
                first = at;
            }
        });
        if first == nth && find(rows, part).is_none() {
            visit(part);
        }
    });
}

/// The version of a part in a release: the highest, if several owners have different ones. Zero where no row reaches it.
pub(crate) fn version_of(rows: &'static [Row], part: &Schema, release: usize) -> u16 {
    let mut highest = 0;
    for row in rows {
        below(row.schema, Some(version_in(row, release)), &mut |other, version| {
            if other.name_hash == part.name_hash {
                highest = highest.max(version);
            }
        });
    }
    highest
}

/// Calls `visit` with every part below the rows, at any version.
fn occurrences(rows: &'static [Row], visit: &mut dyn FnMut(&'static Schema, u16)) {
    for row in rows {
        below(row.schema, None, visit);
    }
}

/// Calls `visit` with every part below a mirror and its version: of one version of the mirror, or of any.
fn below(schema: &'static Schema, version: Option<u16>, visit: &mut dyn FnMut(&'static Schema, u16)) {
    let mut fields = |fields: &'static [Field], around: Presence| {
        for field in fields.iter().filter(|field| !field.parts.is_empty()) {
            match version {
                None => below_type(field.ty, None, visit),
                Some(version) if around.contain(version) && field.versions.contain(version) => {
                    below_type(field.ty, Some(field.part_at(version)), visit);
                }
                Some(_) => {}
            }
        }
    };
    match schema.shape {
        Shape::Struct(own) => fields(own, Presence::ALWAYS),
        Shape::Enum(variants) => {
            for variant in variants {
                fields(variant.fields, variant.versions);
            }
        }
    }
}

fn below_type(ty: &'static Type, version: Option<u16>, visit: &mut dyn FnMut(&'static Schema, u16)) {
    match ty {
        Type::Mirror(schema) => {
            visit(schema, version.unwrap_or(0));
            below(schema, version, visit);
        }
        Type::Array(inner, _) | Type::Option(inner) | Type::Seq(inner, _) => below_type(inner, version, visit),
        Type::Tuple(types) => {
            for ty in *types {
                below_type(ty, version, visit);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::boxed::Box;
    use std::format;
    use std::vec::Vec;

    use super::{MAX_PARTS, checked_fingerprint, release_fingerprint};
    use crate::fingerprint::layout;
    use crate::schema_data::{Field, Presence, Row, Schema, Shape, Type};

    fn parts(count: usize) -> Vec<&'static Schema> {
        (0..count)
            .map(|number| {
                let name = Box::leak(format!("Part{number}").into_boxed_str());
                &*Box::leak(Box::new(Schema::new(name, 1, Shape::Struct(&[]))))
            })
            .collect()
    }

    /// A row whose mirror holds that many parts, each in two fields.
    fn row_with_parts(count: usize) -> Row {
        let parts = parts(count);
        let fields: Vec<Field> = parts
            .iter()
            .chain(&parts)
            .map(|part| Field {
                parts: &[1],
                ..Field::new("part", Box::leak(Box::new(Type::Mirror(part))), Presence::ALWAYS)
            })
            .collect();
        let owner = Box::leak(Box::new(Schema::new("Owner", 1, Shape::Struct(fields.leak()))));
        Row {
            schema: owner,
            layouts: &[1],
            versions: &[1],
        }
    }

    #[test]
    fn each_part_counts_once() {
        for count in [1, 64, 65, 200, MAX_PARTS] {
            let expected = parts(count)
                .iter()
                .fold(1_u64, |sum, part| sum.wrapping_add(layout(part, 1)));
            assert_eq!(
                release_fingerprint("", &[row_with_parts(count)], 0),
                expected,
                "{count}"
            );
        }
    }

    #[test]
    #[should_panic(
        expected = "a release has more than 256 different parts: give `Part256` or another part its own row"
    )]
    fn one_part_too_many_is_refused() {
        let _ = checked_fingerprint("", &[row_with_parts(MAX_PARTS + 1)], 0);
    }
}
